"""A small mapping of an invented register, with a rule of every sort."""

from typing import Final

from registry.domain.register_mapping import parse_mapping

SMALL: Final = """
id = "small"
title = "Small"
key = ["no", "part"]

[case_without_state]
title = "Invented records that name no State"
acting_body = "un"
source = "an invented register"
basis = "public_record"
#case

[states]
column = "states"
separator = ";"

[kind]
column = "type"

[kind.values]
"Press" = "statement_issued"
"View" = "opinion_adopted"
"Recommendation" = "recommendation_made"

[fields]
basis = { value = "own_act" }
references = { column = "no", separator = "/" }
document_type = { column = "type" }
recommending_state = { column = "by", state = true }
addressee_state = { column = "states", state = true }
session = { column = "tags", values = { a = "first" }, default = "" }
subjects = { column = "tags", separator = ";" }

[fields.acting_body]
value = "un"

[fields.act_date]
column = "date"
date = true

[fields.response]
column = "answer"
values = { Yes = "supported", No = "noted", "" = "" }
scheme = "upr"
"""
MAPPING: Final = parse_mapping(SMALL, "small")
EMPTY_ROW: Final = dict.fromkeys(sorted(MAPPING.columns()), "")
