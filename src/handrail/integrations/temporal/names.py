"""The names by which workflow, activities and waker find each other, in any of Temporal's languages."""

FRAMEWORK = "temporal"
# activities
PROPOSE = "handrail_propose"
FETCH = "handrail_fetch"
EXECUTE = "handrail_execute"
GIVE_UP = "handrail_give_up"
CALL = "handrail_call"
# the signal, and the update that is refused for a case nobody waits for
WAKE = "handrail_wake"
LOOK = "handrail_look"
