"""Arabic, with the digits X and its apps use. Names of months are never cut short."""

TIME_FORMAT = "H:i"
DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y، H:i"
SHORT_DATE_FORMAT = "j F Y"
SHORT_DATETIME_FORMAT = "j F Y، H:i"
YEAR_MONTH_FORMAT = "F Y"
MONTH_DAY_FORMAT = "j F"
DAY_FORMAT = "l، j F Y"
SHORT_DAY_FORMAT = "j F"
NUMBER_GROUPING = 3
