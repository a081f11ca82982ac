"""How long to rest after a look into the database, so that looks that take long take little of the time.

A look from the start walks over every dead row that an old transaction holds back: by the hundred thousand where it is
held for minutes. Looks that come as often as ever would then be most of what the database does.
"""

LATEST = 1.0  # seconds after which there is a look in any case


def rest(took: float, least: float, share: float) -> float:
    """Return the seconds until the next one: `least`, or `share` times as many as the last one `took`."""
    return max(least, min(share * took, LATEST))
