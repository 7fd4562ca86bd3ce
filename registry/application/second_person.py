"""When an act needs a second person: the policy of this node, and what publishes.

Publishing is an act of a kind that publishes, for everyone, unless a public record tells of it.
Everyone are all members, and also all that take part today by their names: whoever names each of
them asks for the same thing.
"""

from registry.application.erasing import ControlRequests, WidenCommand
from registry.application.policy import Policy
from registry.application.recording import RecordCommand, Recording
from registry.errors import RuleViolation


class SecondPerson:
    """Judges for one node; for any thread."""

    def __init__(self, policy: Policy, recording: Recording, control: ControlRequests) -> None:
        self._policy = policy
        self._recording = recording
        self._control = control

    def is_needed(self, command: RecordCommand) -> bool:
        """Whether an event would be recorded only when somebody else has approved."""
        return (
            self._policy.two_people_to_publish
            and command.case_id is not None
            and self._recording.publishes(command.content, self._recording.resolve(command)[1])
        )

    def why_not_widen(self, command: WidenCommand) -> str:
        """Why one person may not widen so far; empty = it may.

        Raises:
            NotFound, RuleViolation, TryLater: see `ControlRequests.widening`.
        """
        if not self._policy.two_people_to_publish:
            return ""
        asked = self._control.widening(command)
        if not self._recording.publishes(self._control.content_of(asked), asked.after):
            return ""
        return (
            "this would publish an act, which needs two people: record it again for everyone, "
            "and let a second person approve that"
        )

    def refuse_widening(self, command: WidenCommand) -> None:
        """Refuses a widening that would publish an act past the second person.

        Raises:
            RuleViolation: it would, or the content cannot be judged.
            NotFound, TryLater: see `ControlRequests.widening`.
        """
        if why_not := self.why_not_widen(command):
            raise RuleViolation(why_not)
