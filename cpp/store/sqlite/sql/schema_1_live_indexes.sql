-- Schema 1, one partial index for each thing that is looked for. A row is in one or two of them.

-- By task, so that a claim passes jobs of tasks its worker does not know in one step, however many they are.
CREATE INDEX ready ON live(queue, task, order_key, due_at) WHERE state = 1 AND suspect = 0;
CREATE INDEX suspect ON live(queue, task, order_key, due_at) WHERE state = 1 AND suspect = 1;
CREATE INDEX scheduled ON live(queue, due_at) WHERE state = 0;
CREATE INDEX running ON live(holder, lease_until) WHERE state = 2;
CREATE INDEX blocked ON live(queue) WHERE state = 3;
CREATE INDEX parked ON live(queue, task, order_key) WHERE state = 4;
CREATE INDEX overdue ON live(queue, expires_at) WHERE state <> 2 AND attempt = 0 AND expires_at > 0;
