"""Every way on which something leaves a node or is shown, and what the property looks at of it.

Written by hand. A row names what `check_plan` counts: `act ...` a call of a plan that was taken,
`path ...` an answer that was looked through. What has no row, or a row that the property never
comes by, fails test_names.py. Where content cannot pass, the row says so, or which test looks.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from registry.domain.vocabulary import EventKind

NO_CONTENT: Final = "no content: "
"""Begins the row of what tells nothing of what an event says."""
TESTED: Final = "tests/"
"""Begins the row of what another test looks at."""
CALLS: Final = "calls"
"""The row of what carries or makes other calls: it tells what these answer."""
CONTROL_KINDS: Final = frozenset(
    {
        EventKind.CASE_LINK_PROPOSED,
        EventKind.CASE_LINK_ACCEPTED,
        EventKind.CASE_LINK_DECLINED,
        EventKind.CASE_UNLINKED,
        EventKind.AUDIENCE_WIDENED,
        EventKind.CONTENT_ERASED,
        EventKind.ERASURE_RECEIPT,
        EventKind.KEY_ROTATED,
        EventKind.ADDRESS_ANNOUNCED,
        EventKind.FAULT_PROOF,
        EventKind.SEALED,
    }
)
"""They have no content: what they say stands in the header, or it is another kind, sealed."""
_REACH: Final = "tests/confidentiality/test_reach.py"
_GIVEN: Final = f"{_REACH}::test_member_who_asks_for_everything_is_given_what_it_may_have"
_STORED: Final = f"{_REACH}::test_ciphertext_and_wrapped_keys_lie_at_their_holder_and_nowhere_else"
_SOURCE: Final = f"{_REACH}::test_source_is_told_to_the_client_of_its_own_node"
_DESK: Final = "tests/unit/application/test_desk"
_APPROVED: Final = f"{_DESK}.py::test_rules_are_judged_again_after_a_withdrawal_of_consent"
_WAITING: Final = f"{_DESK}_cases.py::test_acts_of_a_hidden_case_wait_unseen"
METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ActingService/HasAnyoneActed": "path acted",
        "AdminService/GetNodeStatus": f"{NO_CONTENT}sizes and states of logs",
        "AdminService/ListPeers": f"{NO_CONTENT}members and when they were heard",
        "AskingService/AnswerQuestion": "act answer",
        "AskingService/AskPeers": "act ask",
        "AskingService/GetMatching": "path matching",
        "AskingService/ListQuestions": "path questions",
        "AskingService/PreviewAnswer": "path preview of answer",
        "AskingService/PreviewQuestion": "path preview of ask",
        "AskingService/PreviewTelling": "path preview of tell",
        "AskingService/TellMatching": "act tell",
        "AttachmentService/BeginUpload": f"{NO_CONTENT}how far an upload has come",
        "AttachmentService/DownloadAttachment": "path file",
        "AttachmentService/UploadChunk": f"{NO_CONTENT}how far an upload has come",
        "AuditService/GetCheckpoint": f"{NO_CONTENT}a signed size and hash",
        "AuditService/GetConsistencyProof": f"{NO_CONTENT}hashes",
        "AuditService/GetFaultProof": "path log",
        "AuditService/GetInclusionProof": "path log",
        "AuditService/GetNodeDigest": f"{NO_CONTENT}hashes",
        "AuditService/ListEntries": "path log",
        "AuditService/WatchCheckpoints": f"{NO_CONTENT}signed sizes and hashes",
        "BriefingService/MakeBriefing": "path briefing",
        "CaseService/GetCase": "path lists",
        "CaseService/GetHistory": "path history",
        "CaseService/GetTimeline": "path timeline",
        "CaseService/ListCases": "path lists",
        "CaseService/OpenCase": "act open",
        "CaseService/RecordEvent": "act name",
        "CaseworkService/FindReferences": "path lists",
        "CaseworkService/ListActs": "path lists",
        "CaseworkService/ListConcordances": "path lists",
        "CaseworkService/ListFollowUps": "path lists",
        "CaseworkService/ListMechanisms": f"{NO_CONTENT}profiles of mechanisms",
        "CaseworkService/ListObligations": "path lists",
        "ConfidentialityService/EraseContent": "erased",
        "ConfidentialityService/ExportCase": "path export public",
        "ConfidentialityService/GetErasureStatus": f"{NO_CONTENT}who has confirmed",
        "ConfidentialityService/PreviewEvent": "path preview of name",
        "ConfidentialityService/PreviewWidening": "path preview of widen",
        "ConfidentialityService/WidenAudience": "widened",
        "DeskService/ApproveAct": _APPROVED,
        "DeskService/DeclineAct": f"{NO_CONTENT}that it is forgotten",
        "DeskService/GetAct": f"{NO_CONTENT}which clients did it, for clients of the node",
        "DeskService/GetSource": _SOURCE,
        "DeskService/ListPendingActs": _WAITING,
        "DeskService/ListReads": f"{NO_CONTENT}which clients have read which case",
        "DeskService/RestrictCase": f"{NO_CONTENT}nothing",
        "DetentionService/GetDetentions": "path detentions",
        "DetentionService/GetUntried": "path detentions",
        "DetentionService/ListDetentions": "path lists",
        "IntentService/AnswerIntent": "act reply",
        "IntentService/DeclareIntent": "act intend",
        "IntentService/ListIntents": "path intents",
        "IntentService/WithdrawIntent": "act retract",
        "KnowledgeService/GetKnownHistory": "path known",
        "LinkService/AnswerLink": f"{NO_CONTENT}links stand in headers",
        "LinkService/EndLink": f"{NO_CONTENT}links stand in headers",
        "LinkService/ListLinks": f"{NO_CONTENT}links stand in headers",
        "LinkService/ProposeLink": f"{NO_CONTENT}links stand in headers",
        "MeetingService/GetMeeting": "path lists",
        "MeetingService/ListMeetings": "path lists",
        "PracticeService/ListDefinitions": "path definitions",
        "PracticeService/ListPractices": "path practices",
        "ReplicationService/AddCheckpoint": f"{NO_CONTENT}signatures",
        "ReplicationService/ExchangeProposals": f"{NO_CONTENT}rosters",
        "ReplicationService/GetEntries": "path log",
        "ReplicationService/GetPartChunks": _GIVEN,
        "ReplicationService/GetParts": "path parts",
        "ReplicationService/GetPrefix": "path log",
        "ReplicationService/GetRoster": f"{NO_CONTENT}a roster",
        "ReplicationService/Offer": CALLS,
        "ReplicationService/WatchHeads": f"{NO_CONTENT}signed sizes and hashes",
        "ReprisalService/ExportRegister": "path register",
        "ReprisalService/ListAlerts": "path lists",
        "ReprisalService/ListImpunity": "path lists",
        "ReprisalService/ListReprisals": "path lists",
        "ReprisalService/MarkAlertsSeen": f"{NO_CONTENT}nothing",
        "ReprisalService/WatchAlerts": "path lists",
        "StatementService/GetStatement": "path statement",
        "StatementService/ListStatements": "path lists",
        "WatchService/WatchCases": "path lists",
        "WatchService/WatchHistory": "path history",
    }
)
COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("case", "acted", "acts", "board", "followups", "concordances", "record"),
                *("download", "kinds", "mechanisms", "import", "ask", "asked", "answer"),
                *("matching", "widen", "erase", "erasure", "detention", "emblematic", "link"),
                *("intent", "practices", "definitions", "statement", "meeting", "briefing"),
                *("reference", "alerts", "reprisals", "desk", "status", "peers", "checkpoint"),
                *("proof", "fault-proof"),
            ),
            CALLS,
        ),
        **dict.fromkeys(
            (
                *("init", "found", "roster", "join", "handover", "address", "leave", "remove"),
                *("new-epoch", "found-anew", "join-anew"),
            ),
            f"{NO_CONTENT}rosters, and what members tell of themselves",
        ),
        "backup": _STORED,
        "bench": f"{NO_CONTENT}invented cases of its own",
        "bundle": "path bundle",
        "check-fault-proof": f"{NO_CONTENT}a verdict",
        "check-proof": f"{NO_CONTENT}a verdict",
        "client": f"{NO_CONTENT}certificates",
        "demo": f"{NO_CONTENT}invented cases of its own",
        "fsck": f"{NO_CONTENT}a verdict",
        "keys": f"{NO_CONTENT}keys, sealed",
        "rebuild": f"{NO_CONTENT}how much was folded",
        "recover": f"{NO_CONTENT}what its peers are asked for",
        "serve": CALLS,
        "verify": f"{NO_CONTENT}a verdict",
    }
)
FURTHER: Final = (
    "path export state",
    "path export mechanisms",
    "act consent",
    "act withdraw",
    "act draft",
    "act cosign",
    "act issue",
    "matched",
)
"""Outcomes of which no row tells."""
