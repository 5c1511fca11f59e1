-- Functions of CQL that DuckDB lacks or means differently, defined once per connection.
-- Whole months from a to b (b not before a): the day and time of month must have been reached.
CREATE OR REPLACE TEMP MACRO salus_months_up(a, b) AS
  (year(b) - year(a)) * 12 + month(b) - month(a)
  - CASE WHEN b - date_trunc('month', b) < a - date_trunc('month', a) THEN 1 ELSE 0 END;
CREATE OR REPLACE TEMP MACRO salus_duration_month(a, b) AS
  CAST(CASE WHEN a <= b THEN salus_months_up(a, b) ELSE -salus_months_up(b, a) END AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_duration_year(a, b) AS
  CAST(CASE WHEN a <= b THEN salus_months_up(a, b) // 12 ELSE -(salus_months_up(b, a) // 12) END AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_duration_week(a, b) AS CAST(trunc(date_diff('millisecond', a, b) / 604800000) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_duration_day(a, b) AS CAST(trunc(date_diff('millisecond', a, b) / 86400000) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_duration_hour(a, b) AS CAST(trunc(date_diff('millisecond', a, b) / 3600000) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_duration_minute(a, b) AS CAST(trunc(date_diff('millisecond', a, b) / 60000) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_duration_second(a, b) AS CAST(trunc(date_diff('millisecond', a, b) / 1000) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_duration_millisecond(a, b) AS date_diff('millisecond', a, b);
CREATE OR REPLACE TEMP MACRO salus_add_year(a, n) AS a + to_years(CAST(n AS INTEGER));
CREATE OR REPLACE TEMP MACRO salus_add_month(a, n) AS a + to_months(CAST(n AS INTEGER));
CREATE OR REPLACE TEMP MACRO salus_add_week(a, n) AS a + to_days(CAST(n AS INTEGER) * 7);
CREATE OR REPLACE TEMP MACRO salus_add_day(a, n) AS a + to_days(CAST(n AS INTEGER));
CREATE OR REPLACE TEMP MACRO salus_add_hour(a, n) AS a + to_hours(CAST(n AS BIGINT));
CREATE OR REPLACE TEMP MACRO salus_add_minute(a, n) AS a + to_minutes(CAST(n AS BIGINT));
CREATE OR REPLACE TEMP MACRO salus_add_second(a, n) AS a + to_seconds(CAST(n AS BIGINT));
CREATE OR REPLACE TEMP MACRO salus_add_millisecond(a, n) AS a + to_milliseconds(CAST(n AS BIGINT));
CREATE OR REPLACE TEMP MACRO salus_part_year(a) AS CAST(year(a) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_part_month(a) AS CAST(month(a) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_part_day(a) AS CAST(day(a) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_part_hour(a) AS CAST(hour(a) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_part_minute(a) AS CAST(minute(a) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_part_second(a) AS CAST(second(a) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_part_millisecond(a) AS CAST(millisecond(a) % 1000 AS INTEGER);
-- An instant of its components; null where there is none such.
CREATE OR REPLACE TEMP MACRO salus_make_time(y, mo, d, h, mi, s, ms) AS TRY(
  make_timestamp(CAST(y AS BIGINT), CAST(mo AS BIGINT), CAST(d AS BIGINT), CAST(h AS BIGINT), CAST(mi AS BIGINT), CAST(s AS DOUBLE))
  + to_milliseconds(CAST(ms AS BIGINT)));
CREATE OR REPLACE TEMP MACRO salus_quotient(a, b) AS CAST(trunc(a / nullif(b, 0)) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_split_last(s, separator) AS string_split(s, separator)[-1];
CREATE OR REPLACE TEMP MACRO salus_normalise(s) AS regexp_replace(trim(lower(s)), '\s+', ' ', 'g');
CREATE OR REPLACE TEMP MACRO salus_substring(s, start) AS CASE WHEN start >= 0 AND start < length(s) THEN substring(s, start + 1) END;
CREATE OR REPLACE TEMP MACRO salus_position(s, pattern) AS strpos(s, pattern) - 1;
