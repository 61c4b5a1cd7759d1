-- -> the latest version of the schema
SELECT max(version) FROM migration
