"""All attacks, in the order in which they are made."""

from __future__ import annotations

from hostile.on_api import ON_API
from hostile.on_api_with_key import ON_API_WITH_KEY
from hostile.on_notifier import ON_NOTIFIER
from hostile.on_readings import ON_READINGS
from hostile.on_topics import ON_TOPICS

ATTACKS = (*ON_READINGS, *ON_TOPICS, *ON_API, *ON_API_WITH_KEY, *ON_NOTIFIER)
SHORT = tuple(attack for attack in ATTACKS if attack.is_short)
