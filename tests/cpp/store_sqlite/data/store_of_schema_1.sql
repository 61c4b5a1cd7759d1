-- A store of schema 1 as its code left it, killed with a job running: PRAGMA application_id and what .dump says.
PRAGMA application_id = 1802002796;
BEGIN TRANSACTION;
CREATE TABLE attempt (
    ref INTEGER NOT NULL,
    token INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    outcome TEXT,
    error TEXT,
    cpu_ms INTEGER NOT NULL,
    peak_memory_bytes INTEGER NOT NULL,
    result TEXT,
    PRIMARY KEY (ref, token, entry)
) STRICT, WITHOUT ROWID;
INSERT INTO "attempt" VALUES(2,2,0,1,1795874782131,1795874782142,1,'failed','{"type":"ValueError","mro":["ValueError","Exception","BaseException"],"message":"first time","traceback":"Traceback (most recent call last):\n  File \"/app/tasks.py\", line 19, in flaky\n    raise ValueError(\"first time\")\nValueError: first time\n"}',0,0,NULL);
INSERT INTO "attempt" VALUES(4,4,0,1,1795874782149,1795874782155,1,'failed','{"type":"ValueError","mro":["ValueError","Exception","BaseException"],"message":"first time","traceback":"Traceback (most recent call last):\n  File \"/app/tasks.py\", line 19, in flaky\n    raise ValueError(\"first time\")\nValueError: first time\n"}',0,0,NULL);
INSERT INTO "attempt" VALUES(6,8,0,1,1795874782181,1795874782193,1,'failed','{"type":"ValueError","mro":["ValueError","Exception","BaseException"],"message":"first time","traceback":"Traceback (most recent call last):\n  File \"/app/tasks.py\", line 19, in flaky\n    raise ValueError(\"first time\")\nValueError: first time\n"}',0,0,NULL);
INSERT INTO "attempt" VALUES(7,9,0,1,1795874782193,1795874782205,1,'failed','{"type":"KeyError","mro":["KeyError","LookupError","Exception","BaseException"],"message":"''never''","traceback":"Traceback (most recent call last):\n  File \"/app/tasks.py\", line 23, in bad\n    raise KeyError(\"never\")\nKeyError: ''never''\n"}',0,0,NULL);
INSERT INTO "attempt" VALUES(8,10,0,1,1795874782202,1795874782211,1,'cancelled',NULL,0,0,NULL);
CREATE TABLE closed (
    ref INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    task INTEGER NOT NULL,
    state INTEGER NOT NULL,
    order_key INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    snoozes INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    suspect INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    token INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    keep_until INTEGER NOT NULL,
    result TEXT,
    error TEXT,
    reason TEXT,
    progress_count INTEGER NOT NULL,
    progress_total INTEGER NOT NULL,
    progress_message TEXT,
    checksum INTEGER NOT NULL,
    ended_here INTEGER NOT NULL,  -- 1: the last attempt is told by this row, not by one of `attempt`
    cpu_ms INTEGER NOT NULL,
    peak_memory_bytes INTEGER NOT NULL
) STRICT;
INSERT INTO "closed" VALUES(1,2,6,5,8796093022208001,1795874782125,1,0,0,0,0,0,1,1,0,1795874782125,1795874782128,1798466782128,'0',NULL,NULL,0,10,'half way',-5820729304459338365,1,0,0);
INSERT INTO "closed" VALUES(2,2,7,5,8796093022208002,1795874782152,2,1,0,0,0,0,6,1,0,1795874782156,1795874782185,1798466782185,'"second time"',NULL,NULL,0,0,NULL,4727280147782987051,1,0,0);
INSERT INTO "closed" VALUES(3,2,6,5,8796093022208003,1795874782132,1,0,0,0,0,0,3,1,0,1795874782132,1795874782148,1798466782148,'2',NULL,NULL,1,10,'half way',-7074287419329828739,1,0,0);
INSERT INTO "closed" VALUES(4,2,7,5,8796093022208004,1795874782165,2,1,0,0,0,0,7,1,0,1795874782181,1795874782193,1798466782193,'"second time"',NULL,NULL,0,0,NULL,-1661741008633852816,1,0,0);
INSERT INTO "closed" VALUES(5,2,6,5,8796093022208005,1795874782150,1,0,0,0,0,0,5,1,0,1795874782150,1795874782165,1798466782165,'4',NULL,NULL,2,10,'half way',1970726803749243537,1,0,0);
INSERT INTO "closed" VALUES(6,2,7,5,8796093022208006,1795874782203,2,1,0,0,0,0,11,1,0,1795874782205,1795874782212,1798466782212,'"second time"',NULL,NULL,0,0,NULL,-673389462027783121,1,0,0);
INSERT INTO "closed" VALUES(7,2,8,6,8796093022208007,1795874782193,1,1,0,0,0,0,9,1,0,1795874782193,1795874782205,1798466782205,NULL,'{"type":"KeyError","mro":["KeyError","LookupError","Exception","BaseException"],"message":"''never''","traceback":"Traceback (most recent call last):\n  File \"/app/tasks.py\", line 23, in bad\n    raise KeyError(\"never\")\nKeyError: ''never''\n"}','no retries left after 1 failure',0,0,NULL,7079771892657423608,0,0,0);
INSERT INTO "closed" VALUES(8,2,9,7,8796093022208008,1795874782202,1,0,0,0,0,0,10,1,0,1795874782202,1795874782211,1798466782211,NULL,NULL,'not wanted',0,0,NULL,-3940639723523719485,0,0,0);
INSERT INTO "closed" VALUES(15,3,10,7,8796093022208015,1795874782224,0,0,0,0,0,0,0,0,0,0,1795874782225,1798466782225,NULL,NULL,'cancelled',0,0,NULL,-693259519337359235,0,0,0);
CREATE TABLE event (
    queue INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    job_id TEXT,
    name TEXT NOT NULL,
    actor TEXT,
    detail TEXT,
    PRIMARY KEY (queue, sequence)
) STRICT, WITHOUT ROWID;
INSERT INTO "event" VALUES(2,1,1795874782221,'removed-0','remove',NULL,NULL);
INSERT INTO "event" VALUES(3,1,1795874782222,NULL,'pause',NULL,NULL);
INSERT INTO "event" VALUES(3,2,1795874782225,'cancelled-0','cancel',NULL,NULL);
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ref INTEGER NOT NULL,
    sequence INTEGER NOT NULL,  -- of order keys
    token INTEGER NOT NULL,
    outbox INTEGER NOT NULL
) STRICT;
INSERT INTO "head" VALUES(1,16,16,13,0);
CREATE TABLE job (
    ref INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    queue INTEGER NOT NULL,
    task INTEGER NOT NULL,
    payload TEXT,
    priority INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    soft_timeout_ms INTEGER NOT NULL,
    hard_timeout_ms INTEGER NOT NULL,
    retry INTEGER NOT NULL,
    result_ttl_ms INTEGER NOT NULL,
    task_version INTEGER NOT NULL,
    nominal_at INTEGER NOT NULL,
    correlation_id TEXT,
    headers TEXT,
    tenant TEXT,
    unique_key TEXT,
    concurrency_key TEXT,
    rate_key TEXT,
    parent_id TEXT,
    schedule_id TEXT,
    enqueued_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
INSERT INTO "job" VALUES(1,'good-0',2,6,'{"n":0}',5,0,0,0,0,12,2592000000,0,0,'request-1','{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782125,1900492876824908973);
INSERT INTO "job" VALUES(2,'flaky-0',2,7,'{"n":0}',5,0,0,0,0,13,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782131,-7127547796305219766);
INSERT INTO "job" VALUES(3,'good-1',2,6,'{"n":1}',5,0,0,0,0,12,2592000000,0,0,'request-1','{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782132,-5296979366260069262);
INSERT INTO "job" VALUES(4,'flaky-1',2,7,'{"n":1}',5,0,0,0,0,13,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782149,6088073488665977830);
INSERT INTO "job" VALUES(5,'good-2',2,6,'{"n":2}',5,0,0,0,0,12,2592000000,0,0,'request-1','{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782150,-7248923185788040229);
INSERT INTO "job" VALUES(6,'flaky-2',2,7,'{"n":2}',5,0,0,0,0,13,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782181,-6325171031634089975);
INSERT INTO "job" VALUES(7,'bad-0',2,8,'{"n":0}',5,0,0,0,0,0,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782193,-7685072991094902311);
INSERT INTO "job" VALUES(8,'stop-0',2,9,'{}',5,0,0,0,0,12,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782202,7064531898018884297);
INSERT INTO "job" VALUES(10,'waits-0',3,10,'{"n":0}',2,0,0,0,0,12,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782222,7250033629305404062);
INSERT INTO "job" VALUES(11,'waits-1',3,10,'{"n":1}',8,0,0,0,0,12,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782223,7847487552929843729);
INSERT INTO "job" VALUES(12,'waits-2',3,10,'{"n":2}',2,0,0,0,0,12,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782223,4948331052822238922);
INSERT INTO "job" VALUES(13,'waits-3',3,10,'{"n":3}',8,0,0,0,0,12,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782223,-3119193967153264342);
INSERT INTO "job" VALUES(14,'later-0',3,10,'{"n":7}',5,2106914782224,0,0,0,12,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782224,7085493040345834136);
INSERT INTO "job" VALUES(15,'cancelled-0',3,10,'{"n":8}',5,0,0,0,0,12,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782224,905889239375736359);
INSERT INTO "job" VALUES(16,'hangs-0',4,11,'{}',5,0,0,0,0,12,2592000000,0,0,NULL,'{}',NULL,NULL,NULL,NULL,NULL,NULL,1795874782225,-1310709297558214764);
CREATE TABLE live (
    ref INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    task INTEGER NOT NULL,
    state INTEGER NOT NULL,
    order_key INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    snoozes INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    suspect INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    token INTEGER NOT NULL,
    worker INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    closed_at INTEGER NOT NULL,
    keep_until INTEGER NOT NULL,
    result TEXT,
    error TEXT,
    reason TEXT,
    progress_count INTEGER NOT NULL,
    progress_total INTEGER NOT NULL,
    progress_message TEXT,
    checksum INTEGER NOT NULL,
    holder INTEGER NOT NULL,     -- liveness file of the process that holds the lease
    expires_at INTEGER NOT NULL, -- as in `job`
    id_hash INTEGER NOT NULL     -- of job.id: tells whether a ref is the right one without a look at `job`
) STRICT;
INSERT INTO "live" VALUES(10,3,10,1,8901646138474506,1795874782222,0,0,0,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,0,0,NULL,8396311363764852567,0,0,2427404654);
INSERT INTO "live" VALUES(11,3,10,1,8690539905941515,1795874782223,0,0,0,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,0,0,NULL,3171214790493635085,0,0,3821654301);
INSERT INTO "live" VALUES(12,3,10,1,8901646138474508,1795874782223,0,0,0,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,0,0,NULL,3979116606000373743,0,0,165713214);
INSERT INTO "live" VALUES(13,3,10,1,8690539905941517,1795874782223,0,0,0,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,0,0,NULL,340189185465804165,0,0,183381973);
INSERT INTO "live" VALUES(14,3,10,0,8796093022208014,2106914782224,0,0,0,0,0,0,0,0,0,0,0,0,NULL,NULL,NULL,0,0,NULL,-567608294100002285,0,0,991607623);
INSERT INTO "live" VALUES(16,4,11,2,8796093022208016,1795874782225,1,0,0,0,0,0,13,1,3934075,1795874782225,0,0,NULL,NULL,NULL,0,0,NULL,8856580899880730489,8191556888128434,0,3966597743);
CREATE TABLE migration (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL, made_by TEXT NOT NULL) STRICT;
INSERT INTO "migration" VALUES(0,1795874782101,'0.1.0');
INSERT INTO "migration" VALUES(1,1795874782101,'0.1.0');
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    token INTEGER NOT NULL,
    target TEXT,
    body TEXT
) STRICT;
CREATE TABLE queue (
    number INTEGER PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0,
    max_length INTEGER NOT NULL DEFAULT 0,
    ageing_ms INTEGER NOT NULL DEFAULT 0,
    defaults TEXT NOT NULL DEFAULT '{}',
    log_moves INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "queue" VALUES(2,0,0,0,'{}',0,1);
INSERT INTO "queue" VALUES(3,1,0,0,'{}',0,2);
INSERT INTO "queue" VALUES(4,0,0,0,'{}',0,0);
CREATE TABLE tally (
    queue INTEGER NOT NULL,
    state INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;
INSERT INTO "tally" VALUES(2,0,0);
INSERT INTO "tally" VALUES(2,2,0);
INSERT INTO "tally" VALUES(2,5,6);
INSERT INTO "tally" VALUES(2,6,1);
INSERT INTO "tally" VALUES(2,7,1);
INSERT INTO "tally" VALUES(3,0,1);
INSERT INTO "tally" VALUES(3,1,4);
INSERT INTO "tally" VALUES(3,7,1);
INSERT INTO "tally" VALUES(4,2,1);
CREATE TABLE task (
    number INTEGER PRIMARY KEY,
    runs INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    consecutive_failures INTEGER NOT NULL,
    duration_sum_ms INTEGER NOT NULL,
    last_run_at INTEGER NOT NULL,
    last_failure_at INTEGER NOT NULL
) STRICT;
INSERT INTO "task" VALUES(6,4,4,0,0,36,1795874782221,0);
INSERT INTO "task" VALUES(7,6,3,3,0,77,1795874782212,1795874782193);
INSERT INTO "task" VALUES(8,1,0,1,1,12,1795874782205,1795874782205);
INSERT INTO "task" VALUES(9,1,0,0,0,9,1795874782211,0);
CREATE TABLE term (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO "term" VALUES(1,'host:18214:882332');
INSERT INTO "term" VALUES(2,'mail');
INSERT INTO "term" VALUES(3,'held');
INSERT INTO "term" VALUES(4,'slow');
INSERT INTO "term" VALUES(5,'default');
INSERT INTO "term" VALUES(6,'good');
INSERT INTO "term" VALUES(7,'flaky');
INSERT INTO "term" VALUES(8,'bad');
INSERT INTO "term" VALUES(9,'stop');
INSERT INTO "term" VALUES(10,'waits');
INSERT INTO "term" VALUES(11,'hangs');
INSERT INTO "term" VALUES(12,'{"kind":"exponential","max":3,"base_ms":1000,"jitter":"equal","factor":2.0,"cap_ms":3600000}');
INSERT INTO "term" VALUES(13,'{"kind":"delays","max":1,"delays_ms":[10]}');
CREATE TABLE tombstone (id TEXT PRIMARY KEY, keep_until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "tombstone" VALUES('removed-0',1795961182221);
CREATE TABLE worker (
    number INTEGER PRIMARY KEY,
    host TEXT,
    pid INTEGER NOT NULL,
    boot_id TEXT,
    version TEXT,
    queues TEXT,
    tasks TEXT,
    slots INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    seen_lease_ms INTEGER NOT NULL,
    seen_boot_id TEXT,
    holder INTEGER NOT NULL
) STRICT;
INSERT INTO "worker" VALUES(1,'host',1,'d3c92986-b3fa-480c-870c-f63173a14919','0.1.0','mail
held
slow
default','good
flaky
bad
stop
waits
hangs',4,1795874782121,1795874782121,3918972,'d3c92986-b3fa-480c-870c-f63173a14919',8191556888128434);
CREATE INDEX job_correlation ON job(correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX job_parent ON job(parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX ready ON live(queue, task, order_key, due_at) WHERE state = 1 AND suspect = 0;
CREATE INDEX suspect ON live(queue, task, order_key, due_at) WHERE state = 1 AND suspect = 1;
CREATE INDEX scheduled ON live(queue, due_at) WHERE state = 0;
CREATE INDEX running ON live(holder, lease_until) WHERE state = 2;
CREATE INDEX blocked ON live(queue) WHERE state = 3;
CREATE INDEX parked ON live(queue, task, order_key) WHERE state = 4;
CREATE INDEX overdue ON live(queue, expires_at) WHERE state <> 2 AND attempt = 0 AND expires_at > 0;
CREATE INDEX closed_by_age ON closed(queue, state, keep_until - closed_at, closed_at);
CREATE INDEX not_completed ON closed(state) WHERE state > 5;
CREATE INDEX tombstone_age ON tombstone(keep_until);
COMMIT;
