//! Cycles, roll-over, proration and plan commands by the calendar (R9–R12, R35).
