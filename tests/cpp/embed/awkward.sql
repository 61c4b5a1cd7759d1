-- semicolons; "quotes"; back\slashes; ${CMAKE_VERSION} @PROJECT_NAME@ [[brackets]] ]==] (parens)" µ %
SELECT json_extract(payload, '$.a[0]') FROM job WHERE x = ';' AND y = 'it''s';
