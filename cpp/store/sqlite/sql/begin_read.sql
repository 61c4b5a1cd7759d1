-- One snapshot for the statements that follow.
BEGIN
