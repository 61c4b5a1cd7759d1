-- ?1 number
INSERT INTO queue(number) VALUES (?1)
