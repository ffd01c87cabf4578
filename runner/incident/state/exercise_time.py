"""Exercise time: conversion between the exercise clock and the real clock.

Steps, legal clocks, reminders and escalations of an exercise count its own time. The journal has both.
"""

from __future__ import annotations

from datetime import datetime

from runner.incident.state.exercise import ExerciseClock
from runner.incident.state.incident import Incident


def time_in(incident: Incident, wall: datetime) -> datetime:
    """Return the time of the incident at the real time ``wall``."""
    return wall if incident.drill is None else clock_time(incident.drill.clock, wall)


def clock_time(clock: ExerciseClock, wall: datetime) -> datetime:
    """Return the time of an exercise's clock; it is never before the time that it was set to."""
    return max(clock.at, clock.at + (wall - clock.wall) * clock.rate)


def wall_time(incident: Incident, instant: datetime | None) -> datetime | None:
    """Return the real time of an instant of the incident; None if the clock never reaches it."""
    if incident.drill is None or instant is None:
        return instant
    clock = incident.drill.clock
    if instant <= clock.at:
        return clock.wall
    return None if clock.rate <= 0 else clock.wall + (instant - clock.at) / clock.rate
