"""One frozen sample of the stored form of each kind: fields as given, and the bytes after `HEAD`.

Whoever changes one of these changes what stands on disks. Everything here is invented.
"""

from typing import Any, Final

SHARED: Final[dict[str, Any]] = {
    "title": "Invented",
    "acting_body": "un",
    "basis": "own_act",
    "is_invented": True,
}
HEAD: Final = '{"title":"Invented","acting_body":"un","basis":"own_act","is_invented":true,'
TAIL: Final = "}"

FROZEN: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "case_opened": (
        {"opened_date": "2021-03-04"},
        '"opened_date":{"value":"2021-03-04","precision":"day"}',
    ),
    "submission_received": (
        {"received_date": "2021-03"},
        '"received_date":{"value":"2021-03","precision":"month"}',
    ),
    "consent_recorded": (
        {
            "persons": [{"person_id": "a1" * 16, "name": "Ayo Zemlinski", "role": "defender"}],
            "use": "share_with_mechanisms",
            "mechanisms": ["coe-commissioner"],
            "is_informed_of_risk": True,
            "agrees": True,
            "how": "written",
            "given_date": "2021-03-01",
            "recorded_by": "desk",
            "erase_on_withdrawal": True,
        },
        (
            '"persons":[{"person_id":"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1","name":"Ayo Zemlinski",'
            '"role":"defender"}],"use":"share_with_mechanisms","mechanisms":["coe-commissioner"],'
            '"is_informed_of_risk":true,"agrees":true,"how":"written",'
            '"given_date":{"value":"2021-03-01","precision":"day"},"recorded_by":"desk",'
            '"erase_on_withdrawal":true'
        ),
    ),
    "consent_withdrawn": (
        {
            "person_id": "a1" * 16,
            "uses": ["names_to_state", "names_in_public"],
            "withdrawn_date": "2021-04-01",
        },
        (
            '"person_id":"a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",'
            '"uses":["names_to_state","names_in_public"],'
            '"withdrawn_date":{"value":"2021-04-01","precision":"day"}'
        ),
    ),
    "communication_sent": (
        {
            "sent_date": "2021-03-05",
            "instrument": "un.ua",
            "addressee_state": "XXA",
            "reply_due_date": "2021-05-04",
            "document_type": "Urgent appeal",
        },
        (
            '"sent_date":{"value":"2021-03-05","precision":"day"},"instrument":"un.ua",'
            '"addressee_state":"XXA","reply_due_date":{"value":"2021-05-04",'
            '"precision":"day"},"document_type":"Urgent appeal"'
        ),
    ),
    "reply_received": (
        {"received_date": "2021-04-30", "reply_kind": "acknowledgement", "replying_state": "XXA"},
        (
            '"received_date":{"value":"2021-04-30","precision":"day"},'
            '"reply_kind":"acknowledgement","replying_state":"XXA"'
        ),
    ),
    "opinion_adopted": (
        {
            "adopted_date": "2021-05-06",
            "submitted_date": "2019-01-31",
            "instrument": "tb.views",
            "decision_type": "Adoption of views",
            "communication_numbers": ["1/2019", "2/2019"],
            "session": "70",
            "articles": ["9", "19"],
            "document_type": "Views",
        },
        (
            '"adopted_date":{"value":"2021-05-06","precision":"day"},'
            '"submitted_date":{"value":"2019-01-31","precision":"day"},'
            '"instrument":"tb.views","decision_type":"Adoption of views",'
            '"communication_numbers":["1/2019","2/2019"],"session":"70","articles":["9",'
            '"19"],"document_type":"Views"'
        ),
    ),
    "statement_issued": (
        {"issued_date": "2021", "instrument": "un.press", "document_type": "Press release"},
        (
            '"issued_date":{"value":"2021","precision":"year"},"instrument":"un.press",'
            '"document_type":"Press release"'
        ),
    ),
    "visit_report_published": (
        {
            "published_date": "2021-07-08",
            "visit_start_date": "2021-02",
            "visit_end_date": "2021-02-28",
            "document_type": "Country report",
        },
        (
            '"published_date":{"value":"2021-07-08","precision":"day"},'
            '"visit_start_date":{"value":"2021-02","precision":"month"},'
            '"visit_end_date":{"value":"2021-02-28","precision":"day"},'
            '"document_type":"Country report"'
        ),
    ),
    "recommendation_made": (
        {
            "made_date": "2013",
            "instrument": "upr.recommendation",
            "recommending_state": "NOR",
            "addressee_state": "XXA",
            "session": "16",
            "action_code": "5",
            "document_type": "Recommendation",
            "response": {"scheme": "upr", "value": "noted"},
        },
        (
            '"made_date":{"value":"2013","precision":"year"},'
            '"instrument":"upr.recommendation","recommending_state":"NOR",'
            '"addressee_state":"XXA","session":"16","action_code":"5",'
            '"document_type":"Recommendation","response":{"scheme":"upr","value":"noted"}'
        ),
    ),
    "recommendation_response": (
        {
            "responded_date": "2013-06-07",
            "responding_state": "XXA",
            "response": {
                "scheme": "upr",
                "value": "supported",
                "assessor": "XXA",
                "date": "2013-06-07",
            },
        },
        (
            '"responded_date":{"value":"2013-06-07","precision":"day"},'
            '"responding_state":"XXA","response":{"scheme":"upr","value":"supported",'
            '"assessor":"XXA","date":{"value":"2013-06-07","precision":"day"}}'
        ),
    ),
    "followup_information": (
        {"received_date": "2014-01-02", "provided_by": "obs.observatory"},
        '"received_date":{"value":"2014-01-02","precision":"day"},"provided_by":"obs.observatory"',
    ),
    "followup_assessed": (
        {
            "assessed_date": "2014-02-03",
            "grade": {"scheme": "ccpr", "value": "B2", "assessor": "Rapporteur", "date": "2014-02"},
        },
        (
            '"assessed_date":{"value":"2014-02-03","precision":"day"},'
            '"grade":{"scheme":"ccpr","value":"B2","assessor":"Rapporteur",'
            '"date":{"value":"2014-02","precision":"month"}}'
        ),
    ),
    "legal_review_issued": (
        {
            "issued_date": "2021-06-07",
            "instrument": "osce.opinion",
            "law_title": "Draft law on associations",
            "document_type": "Opinion",
        },
        (
            '"issued_date":{"value":"2021-06-07","precision":"day"},'
            '"instrument":"osce.opinion","law_title":"Draft law on associations",'
            '"document_type":"Opinion"'
        ),
    ),
    "report_published": (
        {
            "published_date": "2021-09-10",
            "report_type": "annual",
            "document_type": "Activity report",
        },
        (
            '"published_date":{"value":"2021-09-10","precision":"day"},'
            '"report_type":"annual","document_type":"Activity report"'
        ),
    ),
    "document_published": (
        {"published_date": "2021-08-09", "document_type": "Memorandum"},
        '"published_date":{"value":"2021-08-09","precision":"day"},"document_type":"Memorandum"',
    ),
}
