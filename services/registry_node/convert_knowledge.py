"""Wire to domain for KnowledgeService: as known to whom, or when."""

from typing import Final

from registry.api.v1 import cases_pb2, knowledge_pb2
from registry.application.known_history import AsOf, AtVector, ByTime, VectorPlace, WhenRecording
from registry.domain.identifiers import RootHash
from registry.errors import InvalidRequest

_ROOT_SIZE_BYTES: Final = 32
_INDEX_END: Final = 2**53
_PLACES_MAX: Final = 1000


def as_of_of(request: knowledge_pb2.GetKnownHistoryRequest) -> AsOf:
    """Reads as known to whom, or when.

    Raises:
        InvalidRequest: nothing is said, or it cannot be.
    """
    match request.WhichOneof("as_of"):
        case "when_recording":
            at = request.when_recording
            return WhenRecording(at.origin, _index("when_recording", at.index))
        case "by_time":
            return ByTime(request.by_time.time_ms, request.by_time.mechanism)
        case "vector":
            places = request.vector.places
            if len(places) > _PLACES_MAX:
                msg = f"vector: at most {_PLACES_MAX} logs, {len(places)} came"
                raise InvalidRequest(msg)
            return AtVector(tuple(map(_place, places)))
    msg = "as_of: say whether when_recording, by_time or vector is meant"
    raise InvalidRequest(msg)


def _place(message: cases_pb2.HistoryPlace) -> VectorPlace:
    if len(message.root) not in {0, _ROOT_SIZE_BYTES}:
        msg = f"vector: a root has {_ROOT_SIZE_BYTES} bytes, {len(message.root)} came"
        raise InvalidRequest(msg)
    root = RootHash(message.root) if message.root else None
    return VectorPlace(message.origin, _index("vector", message.size), root)


def _index(name: str, value: int) -> int:
    """A place in a log: no store has more, and none can be asked for more."""
    if value >= _INDEX_END:
        msg = f"{name}: no log has {value} entries"
        raise InvalidRequest(msg)
    return value
