BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0011');
CREATE TABLE buckets (
	provider TEXT NOT NULL, 
	tokens DOUBLE NOT NULL, 
	filled_at BIGINT NOT NULL, 
	CONSTRAINT pk_buckets PRIMARY KEY (provider)
);
CREATE TABLE buying_model (
	id INTEGER NOT NULL, 
	r DOUBLE NOT NULL, 
	alpha DOUBLE NOT NULL, 
	a DOUBLE NOT NULL, 
	b DOUBLE NOT NULL, 
	p DOUBLE, 
	q DOUBLE, 
	v DOUBLE, 
	clients INTEGER NOT NULL, 
	learned_at BIGINT NOT NULL, 
	CONSTRAINT pk_buying_model PRIMARY KEY (id)
);
CREATE TABLE campaigns (
	"key" TEXT NOT NULL, 
	name TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	"trigger" TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	applied_at BIGINT NOT NULL, 
	planned_at BIGINT, 
	retired_at BIGINT, 
	CONSTRAINT pk_campaigns PRIMARY KEY ("key"), 
	CONSTRAINT uq_campaigns_name UNIQUE (name)
);
INSERT INTO "campaigns" VALUES('news','news','99a750c1136229483f5616cc','678482a6541b48f8e71086b3',0,1780304400000000,1781293500000000,NULL);
INSERT INTO "campaigns" VALUES('thanks','thanks','df4c0014ed374121c805fdd8','89057668d7752b2f31f36531',1780304400000000,1780304400000000,1781293500000000,NULL);
INSERT INTO "campaigns" VALUES('win-back','win-back','b3039982b6ad40f9a3f10af9','325417bbf88f9e3ffb122b3f',0,1780304400000000,1781293500000000,NULL);
INSERT INTO "campaigns" VALUES('birthday','birthday','9da974447e0447f6553655d7','873571745346fbfd50025e54',1780304400000000,1780304400000000,1781293500000000,NULL);
INSERT INTO "campaigns" VALUES('moved','moved','8de782c37e9a6d899cb19f2f','1b9e9a519e6eb6959e06e725',1780304400000000,1780304400000000,1781293500000000,NULL);
INSERT INTO "campaigns" VALUES('visit','visit','79e978ed832edbeb2945bf19','c344e8c1b69ca39f6443d83f',1780304400000000,1780304400000000,1781293500000000,NULL);
INSERT INTO "campaigns" VALUES('tips','tips','2fbba6b54e8e50181704057d','c344e8c1b69ca39f6443d83f',1780304400000000,1780304400000000,1781293500000000,NULL);
INSERT INTO "campaigns" VALUES('confirm','confirm','c2b8652d7b584717ffdc360f','e03daf4825e45a000540198c',1780304400000000,1780304400000000,1781293500000000,NULL);
CREATE TABLE claims (
	id INTEGER NOT NULL, 
	worker TEXT NOT NULL, 
	taken_at BIGINT NOT NULL, 
	lease_until BIGINT NOT NULL, sending JSON, rows JSON DEFAULT '[]' NOT NULL, 
	CONSTRAINT pk_claims PRIMARY KEY (id)
);
CREATE TABLE consent_log (
	id INTEGER NOT NULL, 
	customer_id INTEGER NOT NULL, 
	topic TEXT NOT NULL, 
	granted BOOLEAN NOT NULL, 
	at BIGINT NOT NULL, 
	source TEXT NOT NULL, 
	detail JSON, 
	CONSTRAINT pk_consent_log PRIMARY KEY (id)
);
INSERT INTO "consent_log" VALUES(1,11,'marketing',0,1780300800000000,'import','null');
INSERT INTO "consent_log" VALUES(2,12,'marketing',0,1780300800000000,'import','null');
INSERT INTO "consent_log" VALUES(3,27,'marketing',0,1780300800000000,'import','null');
INSERT INTO "consent_log" VALUES(4,2,'address',0,1780401600000000,'bounced','{"suppressed": "all"}');
INSERT INTO "consent_log" VALUES(5,5,'marketing',0,1781172000000000,'one-click','{"promise": 37, "campaign": "news"}');
INSERT INTO "consent_log" VALUES(6,15,'tips',0,1781172000000000,'preferences','{"promise": 56, "campaign": "news"}');
INSERT INTO "consent_log" VALUES(7,6,'marketing',0,1781172000000000,'page','null');
INSERT INTO "consent_log" VALUES(8,6,'marketing',1,1781175600000000,'page','null');
INSERT INTO "consent_log" VALUES(9,7,'address',0,1781172000000000,'complained','{"suppressed": "all"}');
INSERT INTO "consent_log" VALUES(10,8,'address',0,1781172000000000,'manual','{"suppressed": "marketing"}');
INSERT INTO "consent_log" VALUES(11,9,'marketing',0,1781172000000000,'erased','null');
INSERT INTO "consent_log" VALUES(12,9,'address',0,1781172000000000,'erased','null');
INSERT INTO "consent_log" VALUES(13,28,'marketing',0,1781172000000000,'one-click','null');
INSERT INTO "consent_log" VALUES(14,31,'marketing',0,1781172000000000,'signup','{"until": "confirmed"}');
INSERT INTO "consent_log" VALUES(15,32,'marketing',0,1781172000000000,'signup','{"until": "confirmed"}');
INSERT INTO "consent_log" VALUES(16,32,'marketing',1,1781172300000000,'double-opt-in','{"asked_at": "2026-06-11T10:00:00+00:00", "form": "page", "wording": "The studio may write to me"}');
CREATE TABLE consents (
	customer_id INTEGER NOT NULL, 
	topic TEXT NOT NULL, 
	granted BOOLEAN NOT NULL, 
	at BIGINT NOT NULL, 
	source TEXT NOT NULL, 
	wording TEXT, 
	CONSTRAINT pk_consents PRIMARY KEY (customer_id, topic), 
	CONSTRAINT fk_consents_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
);
INSERT INTO "consents" VALUES(11,'marketing',0,1780300800000000,'import',NULL);
INSERT INTO "consents" VALUES(12,'marketing',0,1780300800000000,'import',NULL);
INSERT INTO "consents" VALUES(27,'marketing',0,1780300800000000,'import',NULL);
INSERT INTO "consents" VALUES(5,'marketing',0,1781172000000000,'one-click',NULL);
INSERT INTO "consents" VALUES(15,'tips',0,1781172000000000,'preferences',NULL);
INSERT INTO "consents" VALUES(6,'marketing',1,1781175600000000,'page','Yes');
INSERT INTO "consents" VALUES(9,'marketing',0,1781172000000000,'erased',NULL);
INSERT INTO "consents" VALUES(28,'marketing',0,1781172000000000,'one-click',NULL);
INSERT INTO "consents" VALUES(31,'marketing',0,1781172000000000,'signup',NULL);
INSERT INTO "consents" VALUES(32,'marketing',1,1781172300000000,'double-opt-in','The studio may write to me');
CREATE TABLE copies (
	promise_id INTEGER NOT NULL, 
	layout TEXT NOT NULL, 
	html BLOB NOT NULL, 
	CONSTRAINT pk_copies PRIMARY KEY (promise_id), 
	CONSTRAINT fk_copies_promise_id FOREIGN KEY(promise_id) REFERENCES promises (id) ON DELETE CASCADE
);
CREATE TABLE coupon_codes (
	id INTEGER NOT NULL, 
	code TEXT NOT NULL, 
	pool TEXT NOT NULL, 
	added_at BIGINT NOT NULL, 
	given_at BIGINT, 
	CONSTRAINT pk_coupon_codes PRIMARY KEY (id), 
	CONSTRAINT uq_coupon_codes_code UNIQUE (code)
);
CREATE TABLE "coupons" (
	id INTEGER NOT NULL, 
	code TEXT NOT NULL, 
	campaign TEXT NOT NULL, 
	customer_id INTEGER NOT NULL, 
	occurrence TEXT NOT NULL, 
	offer JSON NOT NULL, 
	uses INTEGER NOT NULL, 
	used INTEGER DEFAULT 0 NOT NULL, 
	valid_from BIGINT NOT NULL, 
	valid_until BIGINT NOT NULL, 
	redeemed_at BIGINT, 
	shared BOOLEAN DEFAULT (false) NOT NULL, 
	given_at BIGINT NOT NULL, 
	CONSTRAINT pk_coupons PRIMARY KEY (id), 
	CONSTRAINT fk_coupons_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id), 
	CONSTRAINT uq_coupons_campaign_customer_id_occurrence UNIQUE (campaign, customer_id, occurrence)
);
INSERT INTO "coupons" VALUES(1,'28TEQAQB','thanks',3,'o-02-2','{"percent": 10}',1,0,1780401600000000,1785585600000000,NULL,0,1780401600000000);
INSERT INTO "coupons" VALUES(2,'PX2SAJEA','thanks',6,'o-05-2','{"percent": 10}',1,0,1780401600000000,1785585600000000,NULL,0,1780401600000000);
INSERT INTO "coupons" VALUES(3,'8AXFGKZ4','thanks',9,'o-08-2','{"percent": 10}',1,0,1780401600000000,1785585600000000,NULL,0,1780401600000000);
INSERT INTO "coupons" VALUES(4,'DDJZKMQ6','thanks',15,'o-14-2','{"percent": 10}',1,0,1780401600000000,1785585600000000,NULL,0,1780401600000000);
INSERT INTO "coupons" VALUES(5,'9SPYTN25','thanks',18,'o-17-2','{"percent": 10}',1,1,1780401600000000,1785585600000000,1781172000000000,0,1780401600000000);
INSERT INTO "coupons" VALUES(6,'GMKE28DJ','thanks',21,'o-20-2','{"percent": 10}',1,0,1780401600000000,1785585600000000,NULL,0,1780401600000000);
INSERT INTO "coupons" VALUES(7,'QMPFSYME','thanks',24,'o-23-2','{"percent": 10}',1,0,1780401600000000,1785585600000000,NULL,0,1780401600000000);
CREATE TABLE customers (
	id INTEGER NOT NULL, 
	external_id TEXT NOT NULL, 
	email TEXT, 
	email_hash TEXT, 
	name TEXT, 
	first_name TEXT, 
	last_name TEXT, 
	company TEXT, 
	phone TEXT, 
	locale TEXT, 
	timezone TEXT, 
	country TEXT, 
	birthday DATE, 
	source TEXT, 
	manager_id INTEGER, 
	attrs JSON DEFAULT '{}' NOT NULL, 
	bucket INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	erased_at BIGINT, 
	CONSTRAINT pk_customers PRIMARY KEY (id), 
	CONSTRAINT fk_customers_manager_id FOREIGN KEY(manager_id) REFERENCES managers (id) ON DELETE SET NULL, 
	CONSTRAINT uq_customers_external_id UNIQUE (external_id)
);
INSERT INTO "customers" VALUES(1,'c-00','ada@client.example','871b5d69c60701de20b0761f7dce6b791050b992298422dd8f93e049535b48a4',NULL,'Ada',NULL,NULL,NULL,NULL,NULL,'EE','1980-06-10',NULL,NULL,'{}',1383506532,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(2,'c-01','bo@client.example','f7c24e8f61328f1c698ddec5dbd94d858acd5f89ecac085b37fbedfeb31a5977',NULL,'Bo',NULL,NULL,NULL,NULL,NULL,'FI',NULL,NULL,1,'{}',76156246,1767614400000000,1781293260000000,NULL);
INSERT INTO "customers" VALUES(3,'c-02','cy@client.example','9ecc841fa1edd2306a9de979d17617f6b5302b317664d801938ea7d396d69cda',NULL,'Cy',NULL,NULL,NULL,NULL,'Europe/Tallinn',NULL,NULL,NULL,NULL,'{}',1181128237,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(4,'c-03','di@client.example','804b166513d1657b78f643032b59aabaa3f2f060086a39583bc73c126db19cba',NULL,'Di',NULL,NULL,NULL,NULL,'America/New_York','EE',NULL,NULL,1,'{}',1139772147,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(5,'c-04','eve@client.example','274a133db9a6cd2485473fb1f0c04a6dc2f15fb57a9f4208ee6463d8bde06fda',NULL,'Eve',NULL,NULL,NULL,NULL,NULL,'LV','1984-06-14',NULL,NULL,'{}',1580965076,1767614400000000,1781293260000000,NULL);
INSERT INTO "customers" VALUES(6,'c-05','fay@client.example','d86611fe6e6f0d759668880fac250f6e23065f3fbc3472e5f65b94341ad19ada',NULL,'Fay',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,'{}',340634777,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(7,'c-06','gus@client.example','3ba41469ae52b4da27eaa942c8bf9862beb0e048a7b04c5fc137791c2f208d64',NULL,'Gus',NULL,NULL,NULL,NULL,'Europe/Tallinn','EE',NULL,NULL,NULL,'{}',1480760185,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(8,'c-07','hal@client.example','ac2305ccfc23ba5d37e9f12fc9704a1d3b5f834f315b2738baf60a59b3f44715',NULL,'Hal',NULL,NULL,NULL,NULL,'America/New_York','MD',NULL,NULL,1,'{}',1848108592,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(9,'c-08',NULL,'f7a5118e033ebcb66e37e241d4ad5f9c3e8b66a4b7f81ec2a9a20b489340cee1',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',1971434236,1767614400000000,1781172000000000,1781172000000000);
INSERT INTO "customers" VALUES(10,'c-09','joe@client.example','cd16fe60312e61ade6e8f0e5319b2a87d20829444bd3c89451e26e86609986b5',NULL,'Joe',NULL,NULL,NULL,NULL,NULL,'EE',NULL,NULL,1,'{}',996565480,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(11,'c-10','kai@client.example','8218590cbc8c87f5b787d7cbd303ca564a5fd52df276418586613ede9dc0a875',NULL,'Kai',NULL,NULL,NULL,NULL,'Europe/Tallinn','MD',NULL,NULL,NULL,'{}',2027926257,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(12,'c-11','lea@client.example','db48c65f808224aeafb31c29e449beac03d1c06c3317d0fe4c767f6fd7090972',NULL,'Lea',NULL,NULL,NULL,NULL,'America/New_York',NULL,NULL,NULL,1,'{}',1580602609,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(13,'c-12','max@client.example','309ecd0a5cc5ee2f1f4405a53108014b88f62def744757089a04b9ff0c0b1b14',NULL,'Max',NULL,NULL,NULL,NULL,NULL,'EE','1982-06-12',NULL,NULL,'{}',96647908,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(14,'c-13','ned@client.example','b18a4a3d8a03c58cb3b3094ddcd37eca6353fd290c1239e7063ea2c4732b632a',NULL,'Ned',NULL,NULL,NULL,NULL,NULL,'MD',NULL,NULL,1,'{}',808887785,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(15,'c-14','oli@client.example','2d3c4278a492d895c1402cf57b8c5142e397164a98c992fac2ea7d0496f4d268',NULL,'Oli',NULL,NULL,NULL,NULL,'Europe/Tallinn',NULL,NULL,NULL,NULL,'{}',1499048466,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(16,'c-15','pia@client.example','aefc795705b2510da016f40000f405daa68378cb6182c22b0b079d4efbcaa15a',NULL,'Pia',NULL,NULL,NULL,NULL,'America/New_York','EE',NULL,NULL,1,'{}',635516104,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(17,'c-16','quin@client.example','5146cbf9a7c8d5dcbcadd0a2edd26f44f550326ba29612c3936d6b96e48e0966',NULL,'Quin',NULL,NULL,NULL,NULL,NULL,'MD','1986-06-11',NULL,NULL,'{}',1444910675,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(18,'c-17','ray@client.example','fdcda4158a4b72d6422c07f57bf1ada9778029a8864fc7b717acbb35ac98588d',NULL,'Ray',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,'{}',2019433519,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(19,'c-18','sue@client.example','d4969326cc4d566ab9a86b4ba189f44fe43cee4ead2acaa68d382ae29f466795',NULL,'Sue',NULL,NULL,NULL,NULL,'Europe/Tallinn','EE',NULL,NULL,NULL,'{}',700943307,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(20,'c-19','tom@client.example','90dcad0294f0b482d48896cc75736f1d00056dadedc754eb19a911ae96d8ac9c',NULL,'Tom',NULL,NULL,NULL,NULL,'America/New_York','MD',NULL,NULL,1,'{}',1519563129,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(21,'c-20','una@client.example','cbe7d96240b8e9e81b53b1df2dd3c1020c4cdd4315dc63c6b78caee54368ba03',NULL,'Una',NULL,NULL,NULL,NULL,NULL,NULL,'1980-06-10',NULL,NULL,'{}',996908853,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(22,'c-21','val@client.example','1ee1407dbf2fabc41b92ecb1f92c7d8eb37933509fc59bae72f1d45315c2feb8',NULL,'Val',NULL,NULL,NULL,NULL,NULL,'EE',NULL,NULL,1,'{}',535503006,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(23,'c-22','wes@client.example','5189cb09ffbcea04642ccdc46ac9a98a959a2863165790e8a2022132f8fcd73d',NULL,'Wes',NULL,NULL,NULL,NULL,'Europe/Tallinn','MD',NULL,NULL,NULL,'{}',1225249311,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(24,'c-23','xan@client.example','2b1b2986d67228df356d23cf64d2119446987963379d33746217445abd60abd0',NULL,'Xan',NULL,NULL,NULL,NULL,'America/New_York',NULL,NULL,NULL,1,'{}',1378732919,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(25,'c-24','yan@client.example','a526fa0d5cf1ee960ea0f480b2e49c15ca3ddc89fa1ed8c38244e3844191635e',NULL,'Yan',NULL,NULL,NULL,NULL,NULL,'EE','1984-06-14',NULL,NULL,'{}',1205964246,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(26,'c-25','zoe@client.example','57acd57006de6f894dd0fd0ebbd59d4c2346b3768cb9fa7ab3c0b749f62df1a2',NULL,'Zoe',NULL,NULL,NULL,NULL,NULL,'MD',NULL,NULL,1,'{}',223576568,1767614400000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(27,'d-1','Max@client.example','309ecd0a5cc5ee2f1f4405a53108014b88f62def744757089a04b9ff0c0b1b14',NULL,'Max',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',1087241331,1780300800000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(28,'d-2','ned@client.example','b18a4a3d8a03c58cb3b3094ddcd37eca6353fd290c1239e7063ea2c4732b632a',NULL,'Edward',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',1890668214,1780300800000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(29,'u-1','jörg@client.example','3a6f1f4337d2d8812b1bf62f7fa55375686253046ed8c0cc0fffdff1c1a2b8e3',NULL,'Jörg',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',419167109,1780300800000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(30,'only@client.example','only@client.example','0a03107d985c1361713f68d9f8c0bb27d9989fcef5cebb80a3e3253b44df69b8',NULL,'Only',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',1154338986,1780300800000000,1780300800000000,NULL);
INSERT INTO "customers" VALUES(31,'signup-12788ea1bc6fc5990255532c','pending@client.example','9ce56f6f1bdf3110240f2c6ffb0fae8b31749b7a3bb13fb9c5f60812358531df',NULL,NULL,NULL,NULL,NULL,'en',NULL,NULL,NULL,'signup',NULL,'{}',256244852,1781172000000000,1781172000000000,NULL);
INSERT INTO "customers" VALUES(32,'signup-8034c99d33e84360938dc68b','confirmed@client.example','81f7f4dc0f992e5a0f78f984290f3425ccc296a7a6aef3b9898c3aec52e96815',NULL,'Ann',NULL,NULL,NULL,'en',NULL,NULL,NULL,'signup',NULL,'{}',1555059457,1781172000000000,1781172300000000,NULL);
CREATE TABLE deliveries (
	hook TEXT NOT NULL, 
	message TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_deliveries PRIMARY KEY (hook, message)
);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	external_id TEXT NOT NULL, 
	customer_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	occurred_at BIGINT NOT NULL, 
	received_at BIGINT NOT NULL, 
	data JSON DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE, 
	CONSTRAINT uq_events_external_id UNIQUE (external_id)
);
INSERT INTO "events" VALUES(1,'coupon/9SPYTN25/till-1',18,'coupon.redeemed',1781172000000000,1781172000000000,'{"code": "9SPYTN25", "campaign": "thanks", "reference": "till-1"}');
INSERT INTO "events" VALUES(2,'signup/1',31,'signup.requested',1781172000000000,1781172000000000,'{"source": "page"}');
INSERT INTO "events" VALUES(3,'signup/2',32,'signup.requested',1781172000000000,1781172000000000,'{"source": "page"}');
INSERT INTO "events" VALUES(4,'signup/2/confirmed',32,'signup.confirmed',1781172300000000,1781172300000000,'{"source": "page"}');
INSERT INTO "events" VALUES(5,'v-0',1,'visit.done',1781292600000000,1781293200000000,'{"service":"cut"}');
INSERT INTO "events" VALUES(6,'v-3',4,'visit.done',1781292600000000,1781293200000000,'{"service":"cut"}');
INSERT INTO "events" VALUES(7,'v-5',6,'visit.done',1781292600000000,1781293200000000,'{"service":"cut"}');
INSERT INTO "events" VALUES(8,'v-8',9,'visit.done',1781292600000000,1781293200000000,'{"service":"cut"}');
INSERT INTO "events" VALUES(9,'v-13',14,'visit.done',1781292600000000,1781293200000000,'{"service":"cut"}');
INSERT INTO "events" VALUES(10,'v-14',15,'visit.done',1781292600000000,1781293200000000,'{"service":"cut"}');
INSERT INTO "events" VALUES(11,'v-20',21,'visit.done',1781292600000000,1781293200000000,'{"service":"cut"}');
CREATE TABLE facts (
	customer_id INTEGER NOT NULL, 
	purchases INTEGER NOT NULL, 
	spent BIGINT NOT NULL, 
	first_purchase_at BIGINT, 
	last_purchase_at BIGINT, 
	rhythm DOUBLE, 
	next_product_id INTEGER, 
	next_product_at BIGINT, days INTEGER DEFAULT 0 NOT NULL, stage TEXT DEFAULT 'potential' NOT NULL, motivation TEXT, price_score DOUBLE DEFAULT 0 NOT NULL, novelty_score DOUBLE DEFAULT 0 NOT NULL, belonging_score DOUBLE DEFAULT 0 NOT NULL, stability_score DOUBLE DEFAULT 0 NOT NULL, sci DOUBLE, nps DOUBLE, accessories_missing INTEGER DEFAULT 0 NOT NULL, points BIGINT DEFAULT 0 NOT NULL, points_earned BIGINT DEFAULT 0 NOT NULL, level TEXT, next_level TEXT, points_to_next_level BIGINT, 
	CONSTRAINT pk_facts PRIMARY KEY (customer_id), 
	CONSTRAINT fk_facts_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
);
INSERT INTO "facts" VALUES(1,1,205000,1762164000000000,1762164000000000,NULL,NULL,NULL,1,'buyer',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(2,2,430000,1762164000000000,1768903200000000,78.0,NULL,NULL,2,'client',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(3,3,675000,1762164000000000,1780394400000000,105.5,NULL,NULL,3,'client','stability',0.0,0.0,0.0,9.32054536061633909227e-01,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(4,1,235000,1762164000000000,1762164000000000,NULL,NULL,NULL,1,'buyer',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(5,2,490000,1762164000000000,1768903200000000,78.0,NULL,NULL,2,'client',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(6,3,765000,1762164000000000,1780394400000000,105.5,NULL,NULL,3,'client','stability',0.0,0.0,0.0,9.32054536061633909227e-01,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(7,1,265000,1762164000000000,1762164000000000,NULL,NULL,NULL,1,'buyer',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(8,2,550000,1762164000000000,1768903200000000,78.0,NULL,NULL,2,'client',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(9,3,855000,1762164000000000,1780394400000000,105.5,NULL,NULL,3,'client','stability',0.0,0.0,0.0,9.32054536061633909227e-01,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(10,1,295000,1762164000000000,1762164000000000,NULL,NULL,NULL,1,'buyer',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(11,2,610000,1762164000000000,1768903200000000,78.0,NULL,NULL,2,'client',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(12,3,945000,1762164000000000,1780394400000000,105.5,NULL,NULL,3,'client','stability',0.0,0.0,0.0,9.32054536061633909227e-01,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(13,1,325000,1762164000000000,1762164000000000,NULL,NULL,NULL,1,'buyer',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(14,2,670000,1762164000000000,1768903200000000,78.0,NULL,NULL,2,'client',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(15,3,1035000,1762164000000000,1780394400000000,105.5,NULL,NULL,3,'client','stability',0.0,0.0,0.0,9.32054536061633909227e-01,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(16,1,355000,1762164000000000,1762164000000000,NULL,NULL,NULL,1,'buyer',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(17,2,730000,1762164000000000,1768903200000000,78.0,NULL,NULL,2,'client',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(18,3,1125000,1762164000000000,1780394400000000,105.5,NULL,NULL,3,'client','stability',0.0,0.0,0.0,9.32054536061633909227e-01,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(19,1,385000,1762164000000000,1762164000000000,NULL,NULL,NULL,1,'buyer',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(20,2,790000,1762164000000000,1768903200000000,78.0,NULL,NULL,2,'client',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(21,3,1215000,1762164000000000,1780394400000000,105.5,NULL,NULL,3,'client','stability',0.0,0.0,0.0,9.32054536061633909227e-01,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(22,1,415000,1762164000000000,1762164000000000,NULL,NULL,NULL,1,'buyer',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(23,2,850000,1762164000000000,1768903200000000,78.0,NULL,NULL,2,'client',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(24,3,1305000,1762164000000000,1780394400000000,105.5,NULL,NULL,3,'client','stability',0.0,0.0,0.0,9.32054536061633909227e-01,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(25,1,445000,1762164000000000,1762164000000000,NULL,NULL,NULL,1,'buyer',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(26,2,910000,1762164000000000,1768903200000000,78.0,NULL,NULL,2,'client',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(27,0,0,NULL,NULL,NULL,NULL,NULL,0,'potential',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(28,0,0,NULL,NULL,NULL,NULL,NULL,0,'potential',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(29,0,0,NULL,NULL,NULL,NULL,NULL,0,'potential',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(30,0,0,NULL,NULL,NULL,NULL,NULL,0,'potential',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(31,0,0,NULL,NULL,NULL,NULL,NULL,0,'visitor',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
INSERT INTO "facts" VALUES(32,0,0,NULL,NULL,NULL,NULL,NULL,0,'visitor',NULL,0.0,0.0,0.0,0.0,NULL,NULL,0,0,0,NULL,NULL,NULL);
CREATE TABLE hits (
	id INTEGER NOT NULL, 
	promise_id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	link TEXT, 
	at BIGINT NOT NULL, 
	sign TEXT, 
	grade TEXT NOT NULL, 
	told BOOLEAN DEFAULT false NOT NULL, 
	CONSTRAINT pk_hits PRIMARY KEY (id), 
	CONSTRAINT fk_hits_promise_id FOREIGN KEY(promise_id) REFERENCES promises (id) ON DELETE CASCADE
);
CREATE TABLE layouts (
	digest TEXT NOT NULL, 
	html BLOB NOT NULL, 
	CONSTRAINT pk_layouts PRIMARY KEY (digest)
);
CREATE TABLE learned_links (
	product_id INTEGER NOT NULL, 
	target_id INTEGER NOT NULL, 
	strength INTEGER NOT NULL, 
	support INTEGER NOT NULL, 
	lift DOUBLE NOT NULL, 
	after_days INTEGER, 
	CONSTRAINT pk_learned_links PRIMARY KEY (product_id, target_id), 
	CONSTRAINT fk_learned_links_product_id FOREIGN KEY(product_id) REFERENCES products (id) ON DELETE CASCADE, 
	CONSTRAINT fk_learned_links_target_id FOREIGN KEY(target_id) REFERENCES products (id) ON DELETE CASCADE
);
CREATE TABLE managers (
	id INTEGER NOT NULL, 
	external_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	email TEXT NOT NULL, 
	title TEXT, 
	phone TEXT, 
	locale TEXT, 
	timezone TEXT, 
	CONSTRAINT pk_managers PRIMARY KEY (id), 
	CONSTRAINT uq_managers_external_id UNIQUE (external_id)
);
INSERT INTO "managers" VALUES(1,'m-1','Mira','mira@studio.example',NULL,NULL,NULL,NULL);
CREATE TABLE members (
	campaign TEXT NOT NULL, 
	customer_id INTEGER NOT NULL, 
	occurrence TEXT NOT NULL, 
	entered_at BIGINT NOT NULL, 
	left_at BIGINT, 
	baseline BOOLEAN NOT NULL, 
	CONSTRAINT pk_members PRIMARY KEY (campaign, customer_id), 
	CONSTRAINT fk_members_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
);
INSERT INTO "members" VALUES('win-back',1,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',2,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',4,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',5,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',7,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',8,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',10,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',11,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',13,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',14,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',16,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',17,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',19,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',20,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',22,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',23,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',25,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
INSERT INTO "members" VALUES('win-back',26,'2026-06-02T12:00:00Z',1780401600000000,NULL,0);
CREATE TABLE point_levels (
	least BIGINT NOT NULL, 
	name TEXT NOT NULL, 
	CONSTRAINT pk_point_levels PRIMARY KEY (least)
);
CREATE TABLE points_tariff (
	id INTEGER NOT NULL, 
	per_currency_unit BIGINT NOT NULL, 
	per_visit INTEGER NOT NULL, 
	per_referral INTEGER NOT NULL, 
	CONSTRAINT pk_points_tariff PRIMARY KEY (id)
);
CREATE TABLE preferences (
	customer_id INTEGER NOT NULL, 
	paused_until BIGINT, 
	gap_days SMALLINT, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_preferences PRIMARY KEY (customer_id), 
	CONSTRAINT fk_preferences_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
);
INSERT INTO "preferences" VALUES(17,1788220800000000,14,1781172000000000);
CREATE TABLE product_links (
	product_id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	target_id INTEGER NOT NULL, 
	rank INTEGER DEFAULT 1 NOT NULL, 
	after_days INTEGER, 
	CONSTRAINT pk_product_links PRIMARY KEY (product_id, kind, target_id), 
	CONSTRAINT fk_product_links_product_id FOREIGN KEY(product_id) REFERENCES products (id) ON DELETE CASCADE, 
	CONSTRAINT fk_product_links_target_id FOREIGN KEY(target_id) REFERENCES products (id) ON DELETE CASCADE
);
CREATE TABLE products (
	id INTEGER NOT NULL, 
	sku TEXT NOT NULL, 
	name TEXT NOT NULL, 
	category TEXT, 
	price BIGINT, 
	currency TEXT, 
	url TEXT, 
	image_url TEXT, 
	consumable BOOLEAN DEFAULT false NOT NULL, 
	attrs JSON DEFAULT '{}' NOT NULL, launched_at BIGINT, 
	CONSTRAINT pk_products PRIMARY KEY (id), 
	CONSTRAINT uq_products_sku UNIQUE (sku)
);
CREATE TABLE promises (
	id INTEGER NOT NULL, 
	campaign TEXT NOT NULL, 
	step TEXT NOT NULL, 
	customer_id INTEGER NOT NULL, 
	occurrence TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT, 
	detail TEXT, 
	kind TEXT NOT NULL, 
	recipient TEXT DEFAULT 'customer' NOT NULL, 
	priority SMALLINT DEFAULT 0 NOT NULL, 
	source_id INTEGER, 
	rule TEXT NOT NULL, 
	due_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	next_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	settled_at BIGINT, 
	claim_id INTEGER, 
	attempts SMALLINT DEFAULT 0 NOT NULL, 
	message_id TEXT, 
	template TEXT, 
	data TEXT, 
	code SMALLINT, 
	CONSTRAINT pk_promises PRIMARY KEY (id), 
	CONSTRAINT fk_promises_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id), 
	CONSTRAINT uq_promises_campaign_step_customer_id_occurrence UNIQUE (campaign, step, customer_id, occurrence)
);
INSERT INTO "promises" VALUES(1,'thanks','thanks',3,'o-02-2','failed','refused','5.7.1 blocked by policy','marketing','customer',0,6,'df4c0014ed374121c805fdd8',1780394400000000,1780999200000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<2315c2d353aa664649197140354a0916@studio.example>','439e58bd3b701d00de14fd38','{"customer":{"external_id":"c-02","email":"cy@client.example","name":null,"first_name":"Cy","last_name":null,"locale":null,"timezone":"Europe/Tallinn","manager":null},"manager":null,"event":{"amount":"22.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"22.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"28TEQAQB","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-02","campaign":"thanks","visit":null}',550);
INSERT INTO "promises" VALUES(2,'thanks','thanks',6,'o-05-2','sent',NULL,'2.0.0 queued as 1','marketing','customer',0,12,'df4c0014ed374121c805fdd8',1780394400000000,1780999200000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<e9cda7fa526b122a5bf53f3ae23a154b@studio.example>','439e58bd3b701d00de14fd38','{"customer":{"external_id":"c-05","email":"fay@client.example","name":null,"first_name":"Fay","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":{"amount":"25.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"25.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"PX2SAJEA","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-02","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(3,'thanks','thanks',9,'o-08-2','sent',NULL,'2.0.0 queued as 2','marketing','customer',0,18,'df4c0014ed374121c805fdd8',1780394400000000,1780999200000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<44b5b3cd0c25ffb7c60481b1b7fb7315@studio.example>','439e58bd3b701d00de14fd38',NULL,250);
INSERT INTO "promises" VALUES(4,'thanks','thanks',12,'o-11-2','skipped','unsubscribed',NULL,'marketing','customer',0,24,'df4c0014ed374121c805fdd8',1780394400000000,1780999200000000,1780401600000000,1780401600000000,1780401600000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(5,'thanks','thanks',15,'o-14-2','sent',NULL,'2.0.0 queued as 3','marketing','customer',0,30,'df4c0014ed374121c805fdd8',1780394400000000,1780999200000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<fb79588e851785f04e5a4ee0cdaebdfd@studio.example>','439e58bd3b701d00de14fd38','{"customer":{"external_id":"c-14","email":"oli@client.example","name":null,"first_name":"Oli","last_name":null,"locale":null,"timezone":"Europe/Tallinn","manager":null},"manager":null,"event":{"amount":"34.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"34.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"DDJZKMQ6","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-02","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(6,'thanks','thanks',18,'o-17-2','sent',NULL,'2.0.0 queued as 4','marketing','customer',0,36,'df4c0014ed374121c805fdd8',1780394400000000,1780999200000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<e7acd4a8f1e7ce568bbe67e6d8281f77@studio.example>','439e58bd3b701d00de14fd38','{"customer":{"external_id":"c-17","email":"ray@client.example","name":null,"first_name":"Ray","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":{"amount":"37.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"37.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"9SPYTN25","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-02","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(7,'thanks','thanks',21,'o-20-2','sent',NULL,'2.0.0 queued as 5','marketing','customer',0,42,'df4c0014ed374121c805fdd8',1780394400000000,1780999200000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<4ea58fd1036119e6f020d6f86e3384bd@studio.example>','439e58bd3b701d00de14fd38','{"customer":{"external_id":"c-20","email":"una@client.example","name":null,"first_name":"Una","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":{"amount":"40.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"40.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"GMKE28DJ","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-02","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(8,'thanks','thanks',24,'o-23-2','sent',NULL,'2.0.0 queued as 6','marketing','customer',0,48,'df4c0014ed374121c805fdd8',1780394400000000,1780999200000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<9392e7e8a69c1603b31e3cc6a8bb0a9a@studio.example>','439e58bd3b701d00de14fd38','{"customer":{"external_id":"c-23","email":"xan@client.example","name":null,"first_name":"Xan","last_name":null,"locale":null,"timezone":"America/New_York","manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":{"amount":"43.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"43.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"QMPFSYME","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-02","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(9,'win-back','win-back',1,'2026-06-02T12:00:00Z','sent',NULL,'2.0.0 queued as 7','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<e4a292a32b39c1fc51d34040feb2a97e@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-00","email":"ada@client.example","name":null,"first_name":"Ada","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',250);
INSERT INTO "promises" VALUES(10,'win-back','win-back',2,'2026-06-02T12:00:00Z','failed','address-refused','5.1.1 no such user','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<4b353021593d6d91e6072566e0e30fb6@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-01","email":"bo@client.example","name":null,"first_name":"Bo","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',550);
INSERT INTO "promises" VALUES(11,'win-back','win-back',4,'2026-06-02T12:00:00Z','skipped','retry','4.2.0 busy','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1781006982726769,1780401600000000,1781092800000000,NULL,2,'<5a5848f4c88e75c4c94d897345ff57c4@studio.example>','91deef24b630aee3fffcc7fa',NULL,450);
INSERT INTO "promises" VALUES(12,'win-back','win-back',5,'2026-06-02T12:00:00Z','skipped','holdout',NULL,'marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(13,'win-back','win-back',7,'2026-06-02T12:00:00Z','sent',NULL,'2.0.0 queued as 8','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<9e3f6af473bd9f67a45013bd361eaee9@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-06","email":"gus@client.example","name":null,"first_name":"Gus","last_name":null,"locale":null,"timezone":"Europe/Tallinn","manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',250);
INSERT INTO "promises" VALUES(14,'win-back','win-back',8,'2026-06-02T12:00:00Z','uncertain','connection-lost','the server closed the connection','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<3247d332d23c8a5e1cc786a90ed681de@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-07","email":"hal@client.example","name":null,"first_name":"Hal","last_name":null,"locale":null,"timezone":"America/New_York","manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',NULL);
INSERT INTO "promises" VALUES(15,'win-back','win-back',10,'2026-06-02T12:00:00Z','sent',NULL,'2.0.0 queued as 10','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<2de2b18f39aebb0b7a4eec81f5395319@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-09","email":"joe@client.example","name":null,"first_name":"Joe","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',250);
INSERT INTO "promises" VALUES(16,'win-back','win-back',11,'2026-06-02T12:00:00Z','skipped','unsubscribed',NULL,'marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(17,'win-back','win-back',13,'2026-06-02T12:00:00Z','sent',NULL,'2.0.0 queued as 11','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<9f5c5b7b612bdd6fa821ac5b030fb4a5@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-12","email":"max@client.example","name":null,"first_name":"Max","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',250);
INSERT INTO "promises" VALUES(18,'win-back','win-back',14,'2026-06-02T12:00:00Z','sent',NULL,'2.0.0 queued as 12','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<12c4635ecb7dfdbf96ccb01eb6c5010c@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-13","email":"ned@client.example","name":null,"first_name":"Ned","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',250);
INSERT INTO "promises" VALUES(19,'win-back','win-back',16,'2026-06-02T12:00:00Z','skipped','holdout',NULL,'marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(20,'win-back','win-back',17,'2026-06-02T12:00:00Z','sent',NULL,'2.0.0 queued as 13','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<5896c31328afc757d0afb8578f644327@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-16","email":"quin@client.example","name":null,"first_name":"Quin","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',250);
INSERT INTO "promises" VALUES(21,'win-back','win-back',19,'2026-06-02T12:00:00Z','skipped','holdout',NULL,'marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(22,'win-back','win-back',20,'2026-06-02T12:00:00Z','skipped','holdout',NULL,'marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(23,'win-back','win-back',22,'2026-06-02T12:00:00Z','sent',NULL,'2.0.0 queued as 14','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<f2337acf9aeaf1fcc7e179cde745ea86@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-21","email":"val@client.example","name":null,"first_name":"Val","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',250);
INSERT INTO "promises" VALUES(24,'win-back','win-back',23,'2026-06-02T12:00:00Z','skipped','holdout',NULL,'marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(25,'win-back','win-back',25,'2026-06-02T12:00:00Z','sent',NULL,'2.0.0 queued as 15','marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,1,'<44ad20160b55809a72d552f9f5b6616f@studio.example>','91deef24b630aee3fffcc7fa','{"customer":{"external_id":"c-24","email":"yan@client.example","name":null,"first_name":"Yan","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-02","campaign":"win-back","visit":null}',250);
INSERT INTO "promises" VALUES(26,'win-back','win-back',26,'2026-06-02T12:00:00Z','skipped','holdout',NULL,'marketing','customer',0,NULL,'b3039982b6ad40f9a3f10af9',1780401600000000,1781006400000000,1780401600000000,1780401600000000,1780401600000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(27,'thanks','again',6,'o-05-2','sent',NULL,'2.0.0 queued as 16','marketing','customer',0,12,'df4c0014ed374121c805fdd8',1781006400000000,1781611200000000,1781006400000000,1781006400000000,1781006400000000,NULL,1,'<e24066d17add1cf19fad2a84b3e3f0f1@studio.example>','aa60ffd146dac5821994ee02','{"customer":{"external_id":"c-05","email":"fay@client.example","name":null,"first_name":"Fay","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":{"amount":"25.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"25.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"PX2SAJEA","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-09","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(28,'thanks','again',9,'o-08-2','sent',NULL,'2.0.0 queued as 17','marketing','customer',0,18,'df4c0014ed374121c805fdd8',1781006400000000,1781611200000000,1781006400000000,1781006400000000,1781006400000000,NULL,1,'<2b6040cc8065feaa33df48a9125a8929@studio.example>','aa60ffd146dac5821994ee02',NULL,250);
INSERT INTO "promises" VALUES(29,'thanks','again',15,'o-14-2','sent',NULL,'2.0.0 queued as 18','marketing','customer',0,30,'df4c0014ed374121c805fdd8',1781006400000000,1781611200000000,1781006400000000,1781006400000000,1781006400000000,NULL,1,'<e5bb4f5deb022a8e317322d1109469e7@studio.example>','aa60ffd146dac5821994ee02','{"customer":{"external_id":"c-14","email":"oli@client.example","name":null,"first_name":"Oli","last_name":null,"locale":null,"timezone":"Europe/Tallinn","manager":null},"manager":null,"event":{"amount":"34.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"34.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"DDJZKMQ6","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-09","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(30,'thanks','again',18,'o-17-2','sent',NULL,'2.0.0 queued as 19','marketing','customer',0,36,'df4c0014ed374121c805fdd8',1781006400000000,1781611200000000,1781006400000000,1781006400000000,1781006400000000,NULL,1,'<7ea4b117ed6cced7877866b0904215fc@studio.example>','aa60ffd146dac5821994ee02','{"customer":{"external_id":"c-17","email":"ray@client.example","name":null,"first_name":"Ray","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":{"amount":"37.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"37.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"9SPYTN25","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-09","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(31,'thanks','again',21,'o-20-2','sent',NULL,'2.0.0 queued as 20','marketing','customer',0,42,'df4c0014ed374121c805fdd8',1781006400000000,1781611200000000,1781006400000000,1781006400000000,1781006400000000,NULL,1,'<f584752ea49287fa393f1cb950000f0d@studio.example>','aa60ffd146dac5821994ee02','{"customer":{"external_id":"c-20","email":"una@client.example","name":null,"first_name":"Una","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":{"amount":"40.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"40.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"GMKE28DJ","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-09","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(32,'thanks','again',24,'o-23-2','sent',NULL,'2.0.0 queued as 21','marketing','customer',0,48,'df4c0014ed374121c805fdd8',1781006400000000,1781611200000000,1781006400000000,1781006400000000,1781006400000000,NULL,1,'<0fe7e3640b20062cab064d0f13cf3fd7@studio.example>','aa60ffd146dac5821994ee02','{"customer":{"external_id":"c-23","email":"xan@client.example","name":null,"first_name":"Xan","last_name":null,"locale":null,"timezone":"America/New_York","manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":{"amount":"43.5","currency":null,"quantity":null,"discount":null,"at":"2026-06-02T10:00:00+00:00","products":[]},"purchase":{"at":"2026-06-02T10:00:00+00:00","amount":"43.5","currency":null,"quantity":null,"discount":null,"products":[]},"product":null,"holiday":null,"coupon":{"code":"QMPFSYME","valid_from":"2026-06-02T12:00:00+00:00","valid_until":"2026-08-01T12:00:00+00:00","uses":1,"percent":10,"amount":null,"service":null,"gift":null},"today":"2026-06-09","campaign":"thanks","visit":null}',250);
INSERT INTO "promises" VALUES(33,'birthday','birthday',1,'2026','sent',NULL,'2.0.0 queued as 22','marketing','customer',0,NULL,'9da974447e0447f6553655d7',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<cadd7e6b6ae11ea6973b8f2c825d4e0c@studio.example>','2bbba720688f98638c7f0517','{"customer":{"external_id":"c-00","email":"ada@client.example","name":null,"first_name":"Ada","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"birthday","visit":null}',250);
INSERT INTO "promises" VALUES(34,'birthday','birthday',21,'2026','sent',NULL,'2.0.0 queued as 23','marketing','customer',0,NULL,'9da974447e0447f6553655d7',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<ad487a23fd978f52a813c07067737b77@studio.example>','2bbba720688f98638c7f0517','{"customer":{"external_id":"c-20","email":"una@client.example","name":null,"first_name":"Una","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"birthday","visit":null}',250);
INSERT INTO "promises" VALUES(35,'news','news',1,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 24','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<165225738e6651024df89019b508c652@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-00","email":"ada@client.example","name":null,"first_name":"Ada","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(36,'news','news',2,'2026-06-10T10:00','skipped','suppressed',NULL,'marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(37,'news','news',5,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 25','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<e8f4361fb97c31ead5de66bd55ed52d3@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-04","email":"eve@client.example","name":null,"first_name":"Eve","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(38,'news','news',6,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 26','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<1118be5824d7ab8028e751ab1ac0c4b9@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-05","email":"fay@client.example","name":null,"first_name":"Fay","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(39,'news','news',9,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 27','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<412403edff741ba15f46373443b3e338@studio.example>','56f6a31a4f645b223418916d',NULL,250);
INSERT INTO "promises" VALUES(40,'news','news',10,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 28','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<814e9e73b0c7340bc397854c4ee563d9@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-09","email":"joe@client.example","name":null,"first_name":"Joe","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(41,'news','news',13,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 29','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<796d3cc3b27702c3ba64381c8728b0e6@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-12","email":"max@client.example","name":null,"first_name":"Max","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(42,'news','news',14,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 30','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<411cb479eae7b6f346fc04d22c4598e2@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-13","email":"ned@client.example","name":null,"first_name":"Ned","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(43,'news','news',17,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 31','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<f34f86ace8d0233346a5179e7c9a9ddb@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-16","email":"quin@client.example","name":null,"first_name":"Quin","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(44,'news','news',18,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 32','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<61c60ea892a7c40ed2ac2eff552603da@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-17","email":"ray@client.example","name":null,"first_name":"Ray","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(45,'news','news',21,'2026-06-10T10:00','held','cap','birthday','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781611200000000,1781092800000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(46,'news','news',22,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 33','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<ffbea4277828ae655468551d66081ca2@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-21","email":"val@client.example","name":null,"first_name":"Val","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(47,'news','news',25,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 34','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<59f94142cecbc19fe9d23c9e3419f66f@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-24","email":"yan@client.example","name":null,"first_name":"Yan","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(48,'news','news',26,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 35','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<2f9d840592c45bead4ba4b1171394fe1@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-25","email":"zoe@client.example","name":null,"first_name":"Zoe","last_name":null,"locale":null,"timezone":null,"manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(49,'news','news',27,'2026-06-10T10:00','skipped','unsubscribed',NULL,'marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(50,'news','news',28,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 36','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<6f70648cbc1e451e8cc6d936d5abbeba@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"d-2","email":"ned@client.example","name":null,"first_name":"Edward","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(51,'news','news',29,'2026-06-10T10:00','failed','refused','it needs SMTPUTF8, which the server does not offer','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<a8e3a58270a0937cdc4cb3442741caab@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"u-1","email":"jörg@client.example","name":null,"first_name":"Jörg","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',NULL);
INSERT INTO "promises" VALUES(52,'news','news',30,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 37','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<821e9e5ed60d76921887b7c050288a77@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"only@client.example","email":"only@client.example","name":null,"first_name":"Only","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(53,'news','news',3,'2026-06-10T10:00','failed','refused','5.7.1 blocked by policy','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781074800000000,1781679600000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<87a730c7f879cdd74796fc79e682fa56@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-02","email":"cy@client.example","name":null,"first_name":"Cy","last_name":null,"locale":null,"timezone":"Europe/Tallinn","manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',550);
INSERT INTO "promises" VALUES(54,'news','news',7,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 38','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781074800000000,1781679600000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<78fd3cdd92af40a1116cd7e561b0d004@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-06","email":"gus@client.example","name":null,"first_name":"Gus","last_name":null,"locale":null,"timezone":"Europe/Tallinn","manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(55,'news','news',11,'2026-06-10T10:00','skipped','unsubscribed',NULL,'marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781074800000000,1781679600000000,1781092800000000,1781092800000000,1781092800000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(56,'news','news',15,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 39','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781074800000000,1781679600000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<18e7f3fb30e846c641a26feaa9165ee1@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-14","email":"oli@client.example","name":null,"first_name":"Oli","last_name":null,"locale":null,"timezone":"Europe/Tallinn","manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(57,'news','news',19,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 40','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781074800000000,1781679600000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<eafc792541fd294544c23147d5db8464@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-18","email":"sue@client.example","name":null,"first_name":"Sue","last_name":null,"locale":null,"timezone":"Europe/Tallinn","manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(58,'news','news',23,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 41','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781074800000000,1781679600000000,1781092800000000,1781092800000000,1781092800000000,NULL,1,'<70e7ab502d1778cba0a2e0696f645180@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-22","email":"wes@client.example","name":null,"first_name":"Wes","last_name":null,"locale":null,"timezone":"Europe/Tallinn","manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-10","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(59,'birthday','birthday',17,'2026','skipped','paused-by-client',NULL,'marketing','customer',0,NULL,'9da974447e0447f6553655d7',1781172000000000,1781776800000000,1781172060000000,1781172060000000,1781172060000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(60,'confirm','confirm',31,'signup/1','sent',NULL,'2.0.0 queued as 42','transactional','customer',0,2,'c2b8652d7b584717ffdc360f',1781172000000000,1781258400000000,1781172060000000,1781172060000000,1781172060000000,NULL,1,'<1b4b33220b80190c5216fde96bf7cebf@studio.example>','b922b6400c53917702f5305e','{"customer":{"external_id":"signup-12788ea1bc6fc5990255532c","email":"pending@client.example","name":null,"first_name":null,"last_name":null,"locale":"en","timezone":null,"manager":null},"manager":null,"event":{"source":"page","at":"2026-06-11T10:00:00+00:00"},"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-11","campaign":"confirm","visit":null}',250);
INSERT INTO "promises" VALUES(61,'confirm','confirm',32,'signup/2','sent',NULL,'2.0.0 queued as 43','transactional','customer',0,3,'c2b8652d7b584717ffdc360f',1781172000000000,1781258400000000,1781172060000000,1781172060000000,1781172060000000,NULL,1,'<9773c3d00c9814466cf2acb2f1604bb1@studio.example>','b922b6400c53917702f5305e','{"customer":{"external_id":"signup-8034c99d33e84360938dc68b","email":"confirmed@client.example","name":null,"first_name":null,"last_name":null,"locale":"en","timezone":null,"manager":null},"manager":null,"event":{"source":"page","at":"2026-06-11T10:00:00+00:00"},"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-11","campaign":"confirm","visit":null}',250);
INSERT INTO "promises" VALUES(62,'news','news',31,'2026-06-10T10:00','skipped','unsubscribed',NULL,'marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781172060000000,1781172060000000,1781172060000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(63,'news','news',32,'2026-06-10T10:00','skipped','unsubscribed',NULL,'marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781085600000000,1781690400000000,1781172060000000,1781172060000000,1781172060000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(64,'news','news',4,'2026-06-10T10:00','planned',NULL,NULL,'marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781100000000000,1781704800000000,1781265820475659,1781172060000000,NULL,NULL,1,'<61ebac536a249d8ef005d47ac2137cdf@studio.example>','56f6a31a4f645b223418916d',NULL,450);
INSERT INTO "promises" VALUES(65,'news','news',8,'2026-06-10T10:00','skipped','suppressed',NULL,'marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781100000000000,1781704800000000,1781172060000000,1781172060000000,1781172060000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(66,'news','news',12,'2026-06-10T10:00','skipped','unsubscribed',NULL,'marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781100000000000,1781704800000000,1781172060000000,1781172060000000,1781172060000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(67,'news','news',16,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 44','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781100000000000,1781704800000000,1781265600000000,1781172060000000,1781265600000000,NULL,1,'<bd60ce11bd55fdad387101329842855a@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-15","email":"pia@client.example","name":null,"first_name":"Pia","last_name":null,"locale":null,"timezone":"America/New_York","manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-12","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(68,'news','news',20,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 45','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781100000000000,1781704800000000,1781265600000000,1781172060000000,1781265600000000,NULL,1,'<3845a83327a958f201604f35d805dd4e@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-19","email":"tom@client.example","name":null,"first_name":"Tom","last_name":null,"locale":null,"timezone":"America/New_York","manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-12","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(69,'news','news',24,'2026-06-10T10:00','sent',NULL,'2.0.0 queued as 46','marketing','customer',0,NULL,'99a750c1136229483f5616cc',1781100000000000,1781704800000000,1781265600000000,1781172060000000,1781265600000000,NULL,1,'<a272d5673a82983e75547e9dc7d5cafc@studio.example>','56f6a31a4f645b223418916d','{"customer":{"external_id":"c-23","email":"xan@client.example","name":null,"first_name":"Xan","last_name":null,"locale":null,"timezone":"America/New_York","manager":"m-1"},"manager":{"name":"Mira","email":"mira@studio.example","title":null,"phone":null,"locale":null,"timezone":null},"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-12","campaign":"news","visit":null}',250);
INSERT INTO "promises" VALUES(70,'birthday','birthday',13,'2026','sent',NULL,'2.0.0 queued as 47','marketing','customer',0,NULL,'9da974447e0447f6553655d7',1781258400000000,1781863200000000,1781265600000000,1781265600000000,1781265600000000,NULL,1,'<cac52ea92e9aa691ba636b0cd73d0cc0@studio.example>','2bbba720688f98638c7f0517','{"customer":{"external_id":"c-12","email":"max@client.example","name":null,"first_name":"Max","last_name":null,"locale":null,"timezone":null,"manager":null},"manager":null,"event":null,"purchase":null,"product":null,"holiday":null,"coupon":null,"today":"2026-06-12","campaign":"birthday","visit":null}',250);
INSERT INTO "promises" VALUES(71,'moved','moved',2,'FI','skipped','suppressed',NULL,'marketing','customer',0,NULL,'8de782c37e9a6d899cb19f2f',1781293500000000,1781898300000000,1781293500000000,1781293500000000,1781293500000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(72,'moved','moved',5,'LV','skipped','unsubscribed',NULL,'marketing','customer',0,NULL,'8de782c37e9a6d899cb19f2f',1781293500000000,1781898300000000,1781293500000000,1781293500000000,1781293500000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(73,'visit','visit',1,'v-0','uncertain','worker-lost',NULL,'transactional','customer',0,5,'79e978ed832edbeb2945bf19',1781292600000000,1781897400000000,1781293500000000,1781293500000000,1781293800000000,2777000820377536473,0,'<2b38fb1406d1bc037450dd105f175146@studio.example>',NULL,NULL,NULL);
INSERT INTO "promises" VALUES(74,'visit','visit',4,'v-3','uncertain','worker-lost',NULL,'transactional','customer',0,6,'79e978ed832edbeb2945bf19',1781292600000000,1781897400000000,1781293500000000,1781293500000000,1781293800000000,2777000820377536473,0,'<26886bc1876fa36d5525dcc87d24ae60@studio.example>',NULL,NULL,NULL);
INSERT INTO "promises" VALUES(75,'visit','visit',6,'v-5','planned',NULL,NULL,'transactional','customer',0,7,'79e978ed832edbeb2945bf19',1781292600000000,1781897400000000,1781293500000000,1781293500000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(76,'visit','visit',9,'v-8','skipped','no-address',NULL,'transactional','customer',0,8,'79e978ed832edbeb2945bf19',1781292600000000,1781897400000000,1781293500000000,1781293500000000,1781293500000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(77,'visit','visit',14,'v-13','planned',NULL,NULL,'transactional','customer',0,9,'79e978ed832edbeb2945bf19',1781292600000000,1781897400000000,1781293500000000,1781293500000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(78,'visit','visit',15,'v-14','planned',NULL,NULL,'transactional','customer',0,10,'79e978ed832edbeb2945bf19',1781292600000000,1781897400000000,1781293500000000,1781293500000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(79,'visit','visit',21,'v-20','planned',NULL,NULL,'transactional','customer',0,11,'79e978ed832edbeb2945bf19',1781292600000000,1781897400000000,1781293500000000,1781293500000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(80,'tips','tips',1,'v-0','held','cap','news','marketing','customer',-5,5,'2fbba6b54e8e50181704057d',1781292600000000,1781897400000000,1781697600000000,1781293500000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(81,'tips','tips',4,'v-3','planned',NULL,NULL,'marketing','customer',-5,6,'2fbba6b54e8e50181704057d',1781292600000000,1781897400000000,1781293500000000,1781293500000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(82,'tips','tips',6,'v-5','held','cap','news','marketing','customer',-5,7,'2fbba6b54e8e50181704057d',1781292600000000,1781897400000000,1781611200000000,1781293500000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(83,'tips','tips',9,'v-8','skipped','no-address',NULL,'marketing','customer',-5,8,'2fbba6b54e8e50181704057d',1781292600000000,1781897400000000,1781293500000000,1781293500000000,1781293500000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(84,'tips','tips',14,'v-13','planned',NULL,NULL,'marketing','customer',-5,9,'2fbba6b54e8e50181704057d',1781292600000000,1781897400000000,1781293500000000,1781293500000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(85,'tips','tips',15,'v-14','skipped','unsubscribed',NULL,'marketing','customer',-5,10,'2fbba6b54e8e50181704057d',1781292600000000,1781897400000000,1781293500000000,1781293500000000,1781293500000000,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "promises" VALUES(86,'tips','tips',21,'v-20','held','cap','birthday','marketing','customer',-5,11,'2fbba6b54e8e50181704057d',1781292600000000,1781897400000000,1781611200000000,1781293500000000,NULL,NULL,0,NULL,NULL,NULL,NULL);
CREATE TABLE purchase_lines (
	purchase_id INTEGER NOT NULL, 
	line INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	quantity INTEGER DEFAULT 1 NOT NULL, 
	amount BIGINT, 
	CONSTRAINT pk_purchase_lines PRIMARY KEY (purchase_id, line), 
	CONSTRAINT fk_purchase_lines_product_id FOREIGN KEY(product_id) REFERENCES products (id), 
	CONSTRAINT fk_purchase_lines_purchase_id FOREIGN KEY(purchase_id) REFERENCES purchases (id) ON DELETE CASCADE
);
CREATE TABLE purchases (
	id INTEGER NOT NULL, 
	external_id TEXT NOT NULL, 
	customer_id INTEGER NOT NULL, 
	occurred_at BIGINT NOT NULL, 
	received_at BIGINT NOT NULL, 
	amount BIGINT, 
	currency TEXT, 
	quantity INTEGER, 
	discount BIGINT, 
	data JSON DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_purchases PRIMARY KEY (id), 
	CONSTRAINT fk_purchases_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE, 
	CONSTRAINT uq_purchases_external_id UNIQUE (external_id)
);
INSERT INTO "purchases" VALUES(1,'o-00-0',1,1762164000000000,1780398000000000,205000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(2,'o-01-0',2,1762164000000000,1780398000000000,215000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(3,'o-01-1',2,1768903200000000,1780398000000000,215000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(4,'o-02-0',3,1762164000000000,1780398000000000,225000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(5,'o-02-1',3,1768903200000000,1780398000000000,225000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(6,'o-02-2',3,1780394400000000,1780398000000000,225000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(7,'o-03-0',4,1762164000000000,1780398000000000,235000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(8,'o-04-0',5,1762164000000000,1780398000000000,245000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(9,'o-04-1',5,1768903200000000,1780398000000000,245000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(10,'o-05-0',6,1762164000000000,1780398000000000,255000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(11,'o-05-1',6,1768903200000000,1780398000000000,255000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(12,'o-05-2',6,1780394400000000,1780398000000000,255000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(13,'o-06-0',7,1762164000000000,1780398000000000,265000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(14,'o-07-0',8,1762164000000000,1780398000000000,275000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(15,'o-07-1',8,1768903200000000,1780398000000000,275000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(16,'o-08-0',9,1762164000000000,1780398000000000,285000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(17,'o-08-1',9,1768903200000000,1780398000000000,285000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(18,'o-08-2',9,1780394400000000,1780398000000000,285000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(19,'o-09-0',10,1762164000000000,1780398000000000,295000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(20,'o-10-0',11,1762164000000000,1780398000000000,305000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(21,'o-10-1',11,1768903200000000,1780398000000000,305000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(22,'o-11-0',12,1762164000000000,1780398000000000,315000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(23,'o-11-1',12,1768903200000000,1780398000000000,315000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(24,'o-11-2',12,1780394400000000,1780398000000000,315000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(25,'o-12-0',13,1762164000000000,1780398000000000,325000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(26,'o-13-0',14,1762164000000000,1780398000000000,335000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(27,'o-13-1',14,1768903200000000,1780398000000000,335000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(28,'o-14-0',15,1762164000000000,1780398000000000,345000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(29,'o-14-1',15,1768903200000000,1780398000000000,345000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(30,'o-14-2',15,1780394400000000,1780398000000000,345000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(31,'o-15-0',16,1762164000000000,1780398000000000,355000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(32,'o-16-0',17,1762164000000000,1780398000000000,365000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(33,'o-16-1',17,1768903200000000,1780398000000000,365000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(34,'o-17-0',18,1762164000000000,1780398000000000,375000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(35,'o-17-1',18,1768903200000000,1780398000000000,375000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(36,'o-17-2',18,1780394400000000,1780398000000000,375000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(37,'o-18-0',19,1762164000000000,1780398000000000,385000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(38,'o-19-0',20,1762164000000000,1780398000000000,395000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(39,'o-19-1',20,1768903200000000,1780398000000000,395000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(40,'o-20-0',21,1762164000000000,1780398000000000,405000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(41,'o-20-1',21,1768903200000000,1780398000000000,405000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(42,'o-20-2',21,1780394400000000,1780398000000000,405000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(43,'o-21-0',22,1762164000000000,1780398000000000,415000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(44,'o-22-0',23,1762164000000000,1780398000000000,425000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(45,'o-22-1',23,1768903200000000,1780398000000000,425000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(46,'o-23-0',24,1762164000000000,1780398000000000,435000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(47,'o-23-1',24,1768903200000000,1780398000000000,435000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(48,'o-23-2',24,1780394400000000,1780398000000000,435000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(49,'o-24-0',25,1762164000000000,1780398000000000,445000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(50,'o-25-0',26,1762164000000000,1780398000000000,455000,NULL,NULL,NULL,'{}');
INSERT INTO "purchases" VALUES(51,'o-25-1',26,1768903200000000,1780398000000000,455000,NULL,NULL,NULL,'{}');
CREATE TABLE rule_versions (
	rule TEXT NOT NULL, 
	campaign TEXT NOT NULL, 
	source JSON NOT NULL, 
	seen_at BIGINT NOT NULL, 
	CONSTRAINT pk_rule_versions PRIMARY KEY (rule)
);
INSERT INTO "rule_versions" VALUES('99a750c1136229483f5616cc','news','{"at": ["2026-06-10 10:00"], "email": "news", "backfill": "all"}',1780304400000000);
INSERT INTO "rule_versions" VALUES('df4c0014ed374121c805fdd8','thanks','{"on": "purchase", "steps": [{"email": "thanks"}, {"email": "again", "wait": "1 week"}], "offer": {"coupon": {"percent": 10, "valid": "60 days"}}}',1780304400000000);
INSERT INTO "rule_versions" VALUES('b3039982b6ad40f9a3f10af9','win-back','{"when": "days_since(customer.last_purchase_at) > 90", "again": "after 365 days", "email": "win-back", "goal": "purchase within 14 days", "holdout": 3000, "backfill": "all"}',1780304400000000);
INSERT INTO "rule_versions" VALUES('9da974447e0447f6553655d7','birthday','{"every": "year since customer.birthday", "email": "birthday"}',1780304400000000);
INSERT INTO "rule_versions" VALUES('8de782c37e9a6d899cb19f2f','moved','{"each": "customer.country", "email": "moved"}',1780304400000000);
INSERT INTO "rule_versions" VALUES('79e978ed832edbeb2945bf19','visit','{"kind": "transactional", "on": "visit.done", "email": "visit"}',1780304400000000);
INSERT INTO "rule_versions" VALUES('2fbba6b54e8e50181704057d','tips','{"topic": "tips", "priority": -5, "on": "visit.done", "email": "tips"}',1780304400000000);
INSERT INTO "rule_versions" VALUES('c2b8652d7b584717ffdc360f','confirm','{"kind": "transactional", "on": "signup.requested", "send": "within 1 day", "email": "confirm"}',1780304400000000);
CREATE TABLE signups (
	id INTEGER NOT NULL, 
	customer_id INTEGER NOT NULL, 
	topic TEXT NOT NULL, 
	wording TEXT NOT NULL, 
	source TEXT NOT NULL, 
	locale TEXT NOT NULL, 
	first_name TEXT, 
	made_client BOOLEAN NOT NULL, 
	asked_at BIGINT NOT NULL, 
	confirmed_at BIGINT, 
	CONSTRAINT pk_signups PRIMARY KEY (id), 
	CONSTRAINT fk_signups_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
);
INSERT INTO "signups" VALUES(1,31,'marketing','The studio may write to me','page','en','Ann',1,1781172000000000,NULL);
INSERT INTO "signups" VALUES(2,32,'marketing','The studio may write to me','page','en','Ann',1,1781172000000000,1781172300000000);
CREATE TABLE suppressions (
	email_hash TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	detail TEXT, 
	CONSTRAINT pk_suppressions PRIMARY KEY (email_hash)
);
INSERT INTO "suppressions" VALUES('f7c24e8f61328f1c698ddec5dbd94d858acd5f89ecac085b37fbedfeb31a5977','all','bounced',1780401600000000,'5.1.1 no such user');
INSERT INTO "suppressions" VALUES('3ba41469ae52b4da27eaa942c8bf9862beb0e048a7b04c5fc137791c2f208d64','all','complained',1781172000000000,NULL);
INSERT INTO "suppressions" VALUES('ac2305ccfc23ba5d37e9f12fc9704a1d3b5f834f315b2738baf60a59b3f44715','marketing','manual',1781172000000000,'asked by phone');
INSERT INTO "suppressions" VALUES('f7a5118e033ebcb66e37e241d4ad5f9c3e8b66a4b7f81ec2a9a20b489340cee1','all','erased',1781172000000000,NULL);
CREATE TABLE values_seen (
	campaign TEXT NOT NULL, 
	customer_id INTEGER NOT NULL, 
	value TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	baseline BOOLEAN NOT NULL, 
	CONSTRAINT pk_values_seen PRIMARY KEY (campaign, customer_id, value), 
	CONSTRAINT fk_values_seen_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
);
INSERT INTO "values_seen" VALUES('moved',1,'EE',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',2,'MD',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',4,'EE',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',5,'MD',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',7,'EE',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',8,'MD',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',10,'EE',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',11,'MD',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',13,'EE',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',14,'MD',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',16,'EE',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',17,'MD',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',19,'EE',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',20,'MD',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',22,'EE',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',23,'MD',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',25,'EE',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',26,'MD',1780304400000000,1);
INSERT INTO "values_seen" VALUES('moved',2,'FI',1781293500000000,0);
INSERT INTO "values_seen" VALUES('moved',5,'LV',1781293500000000,0);
CREATE TABLE worth (
	customer_id INTEGER NOT NULL, 
	clv DOUBLE NOT NULL, 
	at BIGINT NOT NULL, 
	purchases INTEGER NOT NULL, 
	spent BIGINT NOT NULL, 
	CONSTRAINT pk_worth PRIMARY KEY (customer_id), 
	CONSTRAINT fk_worth_customer_id FOREIGN KEY(customer_id) REFERENCES customers (id) ON DELETE CASCADE
);
CREATE INDEX ix_customers_email_hash ON customers (email_hash);
CREATE INDEX ix_customers_manager_id ON customers (manager_id);
CREATE INDEX ix_purchases_customer ON purchases (customer_id, occurred_at);
CREATE INDEX ix_purchases_occurred ON purchases (occurred_at);
CREATE INDEX ix_purchases_received ON purchases (received_at);
CREATE INDEX ix_purchase_lines_product_id ON purchase_lines (product_id);
CREATE INDEX ix_events_customer ON events (customer_id, name, occurred_at);
CREATE INDEX ix_events_name ON events (name, occurred_at);
CREATE INDEX ix_events_received ON events (name, received_at);
CREATE INDEX ix_consent_log_customer_id ON consent_log (customer_id);
CREATE INDEX ix_promises_customer ON promises (customer_id, created_at);
CREATE INDEX ix_claims_lease_until ON claims (lease_until);
CREATE INDEX ix_events_occurred ON events (occurred_at);
CREATE INDEX ix_promises_held ON promises (next_at) WHERE state = 'held';
CREATE INDEX ix_promises_planned ON promises (priority DESC, next_at, id) WHERE state = 'planned';
CREATE INDEX ix_customers_timezone ON customers (timezone);
CREATE INDEX ix_deliveries_at ON deliveries (at);
CREATE INDEX ix_coupons_customer_id ON coupons (customer_id);
CREATE INDEX ix_coupons_code ON coupons (code);
CREATE UNIQUE INDEX uq_coupons_own_code ON coupons (code) WHERE NOT shared;
CREATE INDEX ix_coupon_codes_free ON coupon_codes (pool, id) WHERE given_at IS NULL;
CREATE INDEX ix_hits_promise_id ON hits (promise_id);
CREATE INDEX ix_hits_untold ON hits (at) WHERE told = false;
CREATE INDEX ix_signups_customer_id ON signups (customer_id);
CREATE INDEX ix_signups_asked_at ON signups (asked_at);
CREATE INDEX ix_values_seen_at ON values_seen (campaign, at);
COMMIT;
