-- -> number of every queue
SELECT number FROM queue ORDER BY number
