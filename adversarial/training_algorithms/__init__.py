"""Training algorithms, learning rules and schedules."""
