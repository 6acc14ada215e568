"""Words by which mail servers say why they refuse, by cause.

Each is a phrase that several servers share, or that a large provider documents. A line is a regular expression; an
indented line continues the one before it. They match lower-case text in which runs of blanks are one, `@` stands for
each address, and links are gone. Gaps are bounded, so that the time is proportional to the text.
"""

from __future__ import annotations

GENERIC = {
    "mailbox unavailable": "filtered",
    "access denied": "blocked",
    "recipient rejected": "userunknown",
    "bare rejection": "blocked",
}
"""Names of phrases that say hardly more than the reply's code, and the cause where no enhanced code says it better."""
_SHORT = {
    "%BOX%": (
        r"(?:user|recipient|mailbox|account|address|customer|inbox|domain|e-?mail|subscriber"
        r"|destinataire)(?:\(?s\)?)?"
    ),
    "%IS%": (
        r"(?: (?:is|was|has been|have been|are|been|being|currently|temporarily|permanently|administratively"
        r"|now))*"
    ),
    "%SIZE%": r"(?:message|mail|e-?mail|content|data|file|body)",
}

CAUSE_WORDS: tuple[tuple[str, str], ...] = (
    (
        "mailboxfull",
        r"""
(?:mail ?box|inbox|mail ?folder|mail ?drop|maildir|account|user|recipient|quota|storage|postfach
    |skrzynka)[^.]{0,50}(?:\bfull\b|over ?quota|\bvoll\b|pełna|переповнен)
over (?:(?:the|its|his|her|their) )?(?:(?:disk|mail|mailbox|storage) )?quota
(?:mail ?box|account|quota|user|recipient|storage)[^.]{0,40}(?:exceed|over (?:its |the )?(?:size |disk )?limit)
exceed(?:s|ed|ing)? (?:(?:his|her|its|the|their|your|maximum|allowed|allocated|disk|mail|mailbox
    |storage) ?)*(?:quota|storage)
out of (?:disk |storage )(?:space|quota)|quota (?:limit|violation|full|reached)|mailbox quota
(?:mailbox|disk|storage) (?:size |space )?(?:limit )?(?:exceeded|exhausted|reached)
insufficient (?:quota|mailbox)|too much mail data|mailbox is too large|maximum (?:allowed )?number of messages
not enough (?:storage|disk) space in|boîte .{0,20}pleine
""",
    ),
    (
        "exceedlimit",
        r"""
%SIZE%(?: header)? (?:size |length )?(?:is |was |file )?too (?:big|large|long)|%SIZE% (?:size )?exceed
size limit|max(?:imum)? (?:message|mail|file) size|message ?size
exceed(?:s|ed|ing)? (?:(?:the|a|its|our|fixed|maximum|server's|limit|this|configured
    |allowed) )*(?:%SIZE% )?(?:size|length)
too (?:big|large) for (?:delivery|this)|larger than the|oversized?\b
""",
    ),
    (
        "suspend",
        r"""
%BOX%(?: @)?[^.]{0,40}%IS% (?:suspended|disabled|inactive|deactivated|locked|frozen|terminated|discontinued
    |not active|closed)
(?:account|mailbox) is blocked
(?:suspended|disabled|deactivated|dormant|locked|frozen|closed|terminated) (?:account|mailbox|user|recipient
    |address|customer|domain|e-?mail)
%BOX%\W{0,3}(?:temporarily )?(?:suspended|disabled|inactive|deactivated|locked|frozen)\b
(?:account|mailbox) (?:is )?(?:temporarily )?not active|no longer (?:on server|active)|extended inactivity
due to inactivity|invalid/inactive user|has not (?:been )?log(?:ged)? in
cannot be delivered\. this (?:account|mailbox)|mailbox unavailable or access denied|out of service
currently not active
""",
    ),
    (
        "hasmoved",
        r"""
has (?:been )?(?:moved|replaced)(?: to| by|\b)|moved,? (?:no forwarding|please try)|relocated
user not local; please try|new (?:e-?mail )?address is|address (?:has )?changed|no longer (?:in use|used)
""",
    ),
    (
        "norelaying",
        r"""
relay(?:ing)?(?: access| mail| operation)?(?: is| was)? (?:denied|not (?:permitted|allowed)|prohibited|rejected
    |restricted)
(?:not (?:allowed|permitted|able)|unable|refus\w+|cannot|can't|won't|will not|do(?:n't| not)) to relay|no relay
we do(?:n't| not) relay|(?:insecure|open|unauthori[sz]ed) (?:mail )?relay|isn't in my list of allowed rcpthosts
relaying (?:mail )?to .{0,60}(?:not allowed|prohibited|denied)|not a gateway|requires authentication when
not configured to relay|relaying mail
""",
    ),
    (
        "spamdetected",
        r"""
(?:due to|as|because of|contains?) (?:being )?spam\b|spam classification
\(?spam\)? (?:message|content) (?:rejected|detected)
""",
    ),
    (
        "authfailure",
        r"""
\bdmarc\b|\bdkim\b|\bspf\b|sender policy framework|unauthenticated (?:e-?mail|mail|message)
(?:pass|fail\w*|have)[^.]{0,20} (?:sender )?authentication (?:check|information)|is not authenticated
not authorized to send (?:from|mail for|on behalf)|requires? all senders|sender id \(pra\)
""",
    ),
    (
        "requireptr",
        r"""
\bptr\b|reverse[ -]?(?:dns|host ?name|lookup|ip|mapping|address|name)|\brdns\b|fcrdns|forward confirmed
(?:cannot|can't|could not|couldn't|unable to|failed to|can not) (?:resolve|find|get) (?:your|client
    |the client)[^.]{0,12}(?:host ?name|ip|address)
hostname verification|(?:no|missing|bad|without|incorrect) (?:valid )?(?:dns|reverse)(?: name| entry| record)?\b
(?:dns|mx) (?:name )?(?:record )?(?:for|of) your|mismatches client ip|no matches to nameserver
domain (?:name )?\[?[^ ]{0,60}\]? mismatch|(?:ip|client) (?:address |name )?(?:lookup|does not resolve)
""",
    ),
    (
        "notcompliantrfc",
        r"""
\brfc ?-?(?:5322|2822|822|5321)\b(?!;)|not (?:rfc|standards?)[ -]?compliant|messages with multiple addresses
duplicate header
(?:missing|required|multiple|without|no valid) (?:a )?(?:valid )?\W?(?:header|date|from|message-id
    |to)\W{0,2} ?(?:header|field)
bare (?:lf|cr|line ?feed)
""",
    ),
    (
        "badreputation",
        r"""
reputation|sender ?score|poor sending|unexpected volume or user complaints
""",
    ),
    (
        "virusdetected",
        r"""
virus|malware|malicious|infected|trojan|\bworm\b|dangerous (?:file|attachment|content)|phishing
(?:blocked|banned|forbidden|prohibited|illegal|disallowed|executable) (?:files?|attachments?|extension)
attachments? .{0,40}(?:not allowed|blocked|prohibited|banned|forbidden)
""",
    ),
    (
        "toomanyconn",
        r"""
too many (?:(?:concurrent|simultaneous|open|smtp|active|inbound|client) )*(?:connections?|sessions?)
(?:connection|session|ip|concurrency)s? (?:rate |count |frequency |number )?(?:limit|frequency)
maximum (?:number of )?(?:connections|concurrent)|number of connections|no more connections
exceeded.{0,40}(?:connections|concurrent)
""",
    ),
    (
        "speeding",
        r"""
too (?:fast|quickly)|too many (?:messages|mails|e-?mails|recipients|rcpts?|requests|errors|invalid)
rate ?(?:limit|control)|throttl|slow down|receiving mail at a rate|unusual rate|over rate
(?:hourly|daily|per (?:hour|day|minute)|sending|relay) (?:limit|quota|rate)
exceeded.{0,30}(?:messages|e?mails|recipients)
""",
    ),
    (
        "blocked",
        r"""
client host (?:\S{1,80} )?(?:blocked|rejected)
\bip(?: address)?(?: \[?[\w.:-]{3,60}\]?)? (?:is |has been |was )?(?:blocked|banned|block-?listed|black-?listed|listed)
spamhaus|spamcop|sorbs\b|\b(?:dnsbl|rbl)\b|banned sending ip
""",
    ),
    (
        "spamdetected",
        r"""
\b(?<![/@.-])(?:spam|junk)(?![-@]|\.\w| ?haus| ?cop| ?arrest)\b(?! incident)|spamming\b(?! issues)|spammy
spam ?score|spamassassin|unsolicited|\buce\b|\bube\b|bulk e?-?mail|uribl|surbl
blacklisted (?:url|link|domain in)
(?:url|link)s? (?:in (?:this|your|the) \w+ )?(?:is |are )?(?:listed|blocked|blacklisted)
(?:mail|message|content)(?: was| is| has been)? (?:rejected|blocked|denied|refused|filtered) (?:by|due to
    |because of|for) (?:(?:its|the|our|your|spam|a) )?(?:content|filter)
(?:mail )?content (?:is |was )?(?:denied|rejected|refused)|suspicious|(?:your|the) (?:message|mail) looks like
mail rejete|message (?:considered|identified|classified) as
""",
    ),
    (
        "userunknown",
        r"""
address is possibly incorrect|address may be misspelled
\b(?:no|not an?|unknown|invalid|bad|illegal|unrecogni[sz]ed|non-?existent|undeliverable|unroutable|incorrect
    |wrong) (?:(?:such|valid|known|local|active|destination|recipient|remote|e-?mail|to|rcpt|virtual|existing
    |final|delivery) )*(?:user(?:id| ?name| address| account)?|recipients?|mail ?box(?:es)?|address(?:es)?
    |account|person|local[ -]part|customer|inbox|destination|subscriber|domino user)\b(?! specified in domain
    | of sender| for sender)
\b(?:user|recipient|mailbox|account|address|customer|addressee|local part|inbox|person|subscriber
    |username)(?:\(?s\)?)?(?: address| name| account| e-?mail|(?: rejected)?:?| that you tried to (?:reach
    |contact)| you (?:entered|specified)| @| <@>| \(@\)| for @|,| to which .{0,30}| in [a-z ]{0,30}| of @| here
    | on (?:this|our|the) \w+){0,3}\W{0,3}(?: ?(?:is|was|are|were|could|can|has been|appears to be
    |may))* ?(?:not (?:be )?(?:found|exist|known|recogni[sz]ed|listed|valid|unique|here|available here
    |registered|our customer)|cannot be found|unknown\b|invalid\b|non-?existent|does ?n[o'´]t exist|do not exist
    |doesnt exist|did not exist|couldn't be found|wasn't found|no longer (?:exist|valid|available|with|here
    |works|employed)|undefined|missing|unrouteable|unroutable|not a valid)
(?:does ?n[o']t|do not) (?:currently )?have an? .{0,40}account|don't handle mail for (?:that|this) (?:user|name)
no (?:mail ?box|one|such|account|person|user) (?:here|by that|by this|at this|with (?:that|this)|name|like)
here by that name|no mail ?box|verify (?:the )?recipient|resolver\.adr\.|nosuchuser|recipnotfound|user_unknown
recipient name is not recognized|requested user mailbox|not listed in (?:public )?(?:domino directory|name)
no such (?:person|recipient|user|mailbox|address)|address(?:ee)? unknown|unknown in (?:local|virtual|relay)[ ]
account that you tried to reach does not exist|destination addresses were unknown
destinataire in(?:valide|connu)
(?:empfänger|benutzer|adresse|postfach)[^.]{0,40}(?:unbekannt|nicht gefunden|nicht bekannt|existiert nicht
    |ungültig)
(?:użytkownik|adresat|adres|odbiorca|skrzynka)[^.]{0,40}(?:nie istnieje|nieznan|nie znaleziono)
(?:користувач|адрес|отримувач|получатель|пользовател|ящик)[^.]{0,40}(?:не існує|не знайдено|невідом|не найден
    |не существует)
(?:utilizator|adresa|destinatar)\w*[^.]{0,40}(?:nu exist|inexistent|necunoscut)
(?:usuario|utente)[^.]{0,20}(?:no existe|inesist)
""",
    ),
    (
        "notaccept",
        r"""
null ?mx|(?:an )?mx (?:or srv )?record indicated no smtp service|no smtp service
(?:does not|doesn't|never|not|no longer) accepts? (?:any )?(?:e-?mails?|mails?|messages)(?! from)\b
(?:host|domain|server)[^.]{0,40}(?:is not accepting mail|accepts no mail|not accept mail)
""",
    ),
    (
        "hostunknown",
        r"""
(?:host|domain|hostname|mx|site|nameserver)(?: or domain)?(?: name| names| address| @
    | [^\s:]{1,80}){0,2} ?(?:is |was |could |can |has |are )?(?:unknown\b|not found|does ?n[o']t exist|not exist
    |invalid|unroutable|unrouteable|not (?:be )?(?:resolve|found|known)|no longer exists|not valid
    |couldn't be found)
(?:unknown|invalid|no such|bad|non-?existent|unrouteable|unroutable|illegal|unresolvable) (?:(?:mail|destination
    |remote|recipient) )?(?:host|domain|hostname|mx|route)
(?:couldn't|could not|cannot|can't|unable to|failed to) (?:find|resolve|locate)(?: \S{1,60}){0,5} (?:host|domain
    |mx|dns|mail exchanger|address record)
unrouteable (?:mail )?(?:address|domain)|no mx\b|nxdomain|name or service not known|illegal host
the account or domain may not exist|domain is not reachable
""",
    ),
    (
        "networkerror",
        r"""
(?:too many|maximum|exceed\w*) hops?|hop count|hops? (?:exceeded|limit)|routing loop
mail (?:loop|for .{0,80} loops)|loops? back|loop(?:ing)? (?:detected|message)|duplicated message-id
network (?:is )?(?:unreachable|error|down)|no route to host|establish an smtp connection|name lookup failure
name service error|dns (?:error|fail|problem|lookup|query|soft)|unable to resolve route|only one destination
malformed (?:or unexpected )?name server|mx records? point|too many received
""",
    ),
    (
        "filtered",
        r"""
(?:user|recipient|mailbox|account|group)[^.]{0,40}(?:only accept|refuse|does not (?:wish|want)|restricted
    |protected|declin|has blocked|preferences?|user rules)
recipient preferences|user rules|blocked by (?:the )?(?:recipient|user)|resolver\.rst\.|bounced address
message (?:was )?filtered|(?:because|by) the recipient|not accepting (?:any )?mail|user reject
""",
    ),
    (
        "securityerror",
        r"""
authentication (?:required|failed|needed|turned on|is required|credentials|unsuccessful)|smtp authentication
must (?:issue a )?(?:starttls|authenticate|log ?in)|starttls|\btls\b|\bssl\b|certificate|encryption
unauthenticated|login (?:failed|incorrect|denied)|unauthorized|invalid (?:login|password|credentials)
insufficient privilege
""",
    ),
    (
        "policyviolation",
        r"""
polic(?:y|ies)\b|administrative(?:ly)? (?:prohibit|denied|reject)|prohibited by administrator
you are not allowed to
""",
    ),
    (
        "rejected",
        r"""
from a different address or alias|not a registered gateway user|you (?:can ?not|may not|are not allowed to) send
(?:sender|return[- ]path|envelope from|mail from|originator|from address|from)(?: address| domain| e?-?mail
    | verify| host| mx| verification|:? ?<?@>?|'s)*:?\W{0,3}(?:is |was |are |has been |does )?(?:not |un
    |in)?(?:reject|denied|refused|accepted|allowed|permitted|exist|found|valid|verif|resolv|known|fail|blocked
    |prohibited|not )
bad sender|invalid (?:sender|from\b|return)|(?:empty|null) (?:envelope )?sender
sender (?:verif|is|was|address|domain)
(?:you|sender)(?: @)?(?: are| is| do)? not (?:been )?(?:allowed|authori[sz]ed|permitted|have permission)
permission to post|(?:unable to|could not) verify (?:the )?sender|unauthorized sender
(?:we do(?:n't| not)|does not) accept (?:mail|e-?mail|messages) from|refused mail from|domain of sender
<@> invalid sender|@(?:\W{1,4}|\.\.\. )(?:sender|domain of)|mail (?:server )?.{0,20}does not accept mail from
after mail from|[Mm]ail from @ rejected|\bgroup[^.]{0,40} may not exist
""",
    ),
    (
        "blocked",
        r"""
black ?-?list|block ?-?list|deny ?-?list|\b(?:rbl|dnsbl|dnsrbl|sbl|xbl|pbl)\b|spamhaus|spamcop|sorbs\b
listed (?:in|at|by|on)[ ]
\b(?:ip|host|client|client host|network|hostname)(?: address| name)?(?: \[?[\w.:-]{3,60}\]?
    | @){0,2}(?: \([^()]{0,60}\))?(?: is| was| has been| are)?(?: currently| temporarily)? (?:blocked|banned
    |rejected|refused|denied|not (?:allowed|permitted|accepted|welcome|authorized)|prohibited|listed)
(?:blocked|banned|bad|refused|denied|rejected|dynamic|generic|residential|dial-?up) (?:sending |source[ ]
    |client )?(?:ip|host|client|network|hostname)
blocked (?:by|using|for|because|from|due|at|-|sender)
use (?:the|your) (?:smtp|mail) ?(?:server|host|relay|gateway)? ?of your
(?:connections?|access|mail|e?-?mail|messages?|traffic) from (?:\S{1,80} ){0,4}?(?:is |was |are |were[ ]
    |has been )?(?:temporarily )?(?:blocked|refused|denied|rejected|deferred|not (?:accepted|allowed|permitted)
    |prohibited|banned|bounced)
no access from|connection (?:rejected|dropped by|blocked|not accepted|refused by your)|invalid helo|bad helo
helo command|temporarily deferred due to|refused to talk to me|part of their network|adresse ip source bloqu
part of your network|\bofr_999\b|for spamming issues|\bspam incident|e-mail is redundant|invalid ip\b
""",
    ),
    ("syntaxerror", r"""malformed address: """),
    ("onhold", r"""due to a recipient error"""),
    (
        "contenterror",
        r"""
headers? (?:are |is )?too (?:large|long|many)|8 ?-?bit|non-ascii|malformed|improper use of
conversion (?:is )?required|smtputf8|mime headers? nest
(?:mime|header|charset|encoding|content-type|format)[^.]{0,30}(?:error|invalid|not (?:allowed|supported
    |permitted|valid)|illegal|too long|too many)
(?:invalid|illegal|bad) (?:header|mime|character|line)|media error|contains (?:illegal|invalid|control|bare)
""",
    ),
    (
        "systemfull",
        r"""
(?:insufficient|not enough|no|out of|low on|lack of) (?:(?:system|disk|free|storage|queue
    |file ?system) )*(?:disk|space|storage|resources)
disk (?:is )?full|system (?:is )?full|no space left|spool .{0,20}full
""",
    ),
    (
        "mailererror",
        r"""
mailer error|unknown mailer|operating system error|exit(?:ed)? (?:with )?(?:status|code|value)|pipe to \|
(?:procmail|maildrop|local mailer|mail filter|pipe|command)[^.]{0,40}(?:fail|exit|died|crash|signal|error)
can't create (?:user )?output|couldn't (?:run|exec)|generated an error
""",
    ),
    (
        "systemerror",
        r"""
(?:internal|system|server|local|configuration|database|ldap|processing|queue file|i/o|resource
    |software)(?: \w+)? (?:error|fail\w*|problem|trouble)
unable to contact ldap|misconfigur|interrupted
(?:cannot|can't|unable to|could not) (?:append|chdir|lock|open|write|create)
service (?:is )?(?:unavailable|refuse\w*|not available|currently)|out of memory|forwarding loop
try (?:again )?later|temporary (?:local|server)|local configuration|timeouts? waiting|server (?:is )?busy
""",
    ),
    (
        "expired",
        r"""
tim(?:e|ed)[ -]?out\b|expired|giving up|queue(?:d)? too long|in the queue (?:too|for)
connection (?:refused|timed|reset)
(?:undeliver\w+|not (?:been )?deliver\w+|deliver)[^.]{0,40} \d{1,7} ?(?:hour|day|second|minute|h\b)
for (?:more than|the last|over|past) \d{1,7} (?:hour|day|minute|second)|retry time|socket error
not accept our requests
(?:couldn't|could not|unable to|cannot|can't|wasn't able to) (?:connect|contact|establish|open a)
did(?:n't| not) respond|host not reachable|failed \d{1,4} attempts|no (?:response|answer) from|delayed|deferred
retries|not yet been delivered|delivery attempts
""",
    ),
    (
        "syntaxerror",
        r"""
syntax|command (?:not|unrecogni|unknown|unimplemented|out of|parameter)|unrecogni[sz]ed (?:command|parameter)
bad sequence|not implemented|(?:need|no) (?:mail|rcpt|helo|ehlo)[ ]
""",
    ),
    (
        "mailbox unavailable",
        r"""
mailbox (?:is )?(?:unavailable|not available)
""",
    ),
    (
        "access denied",
        r"""
access denied
""",
    ),
    (
        "recipient rejected",
        r"""
recipient (?:address )?rejected|@ rejected
""",
    ),
    (
        "bare rejection",
        r"""
^[45]\d\d[ -]\W{0,3}rejected\W{0,3}$
""",
    ),
)  # fmt: skip
"""Causes in the order in which they are looked for; the first that matches is taken."""


def patterns_of(words: str) -> list[str]:
    """The regular expressions of a block of CAUSE_WORDS."""
    joined = words.strip("\n").replace("\n    ", "")
    for name, pattern in _SHORT.items():
        joined = joined.replace(name, pattern)
    return joined.split("\n")
