"""Pure decisions: functions of values, without a database, a clock or the web."""
