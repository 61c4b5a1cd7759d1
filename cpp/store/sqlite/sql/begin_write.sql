-- Under the writer lock, so nobody of ours can be in the way.
BEGIN IMMEDIATE
