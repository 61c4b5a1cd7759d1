-- ?1 text
INSERT INTO term(text) VALUES (?1)
