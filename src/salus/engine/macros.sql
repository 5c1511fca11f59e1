-- Functions of CQL that DuckDB lacks or means differently, each after those that it calls; a connection gets those it needs.
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
CREATE OR REPLACE TEMP MACRO salus_within_years(a) AS
  CASE WHEN a BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999' THEN a END;
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
-- Arithmetic: what does not fit its type is null, as is a division by zero. Integers are computed in the next wider type.
CREATE OR REPLACE TEMP MACRO salus_add_integer(a, b) AS TRY_CAST(CAST(a AS BIGINT) + CAST(b AS BIGINT) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_sub_integer(a, b) AS TRY_CAST(CAST(a AS BIGINT) - CAST(b AS BIGINT) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_mul_integer(a, b) AS TRY_CAST(CAST(a AS BIGINT) * CAST(b AS BIGINT) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_intdiv_integer(a, b) AS TRY_CAST(CAST(a AS BIGINT) // nullif(b, 0) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_mod_integer(a, b) AS TRY_CAST(CAST(a AS BIGINT) % nullif(b, 0) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_pow_integer(a, b) AS TRY_CAST(pow(a, b) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_abs_integer(a) AS TRY_CAST(abs(CAST(a AS BIGINT)) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_add_long(a, b) AS TRY_CAST(CAST(a AS HUGEINT) + CAST(b AS HUGEINT) AS BIGINT);
CREATE OR REPLACE TEMP MACRO salus_sub_long(a, b) AS TRY_CAST(CAST(a AS HUGEINT) - CAST(b AS HUGEINT) AS BIGINT);
CREATE OR REPLACE TEMP MACRO salus_mul_long(a, b) AS TRY_CAST(CAST(a AS HUGEINT) * CAST(b AS HUGEINT) AS BIGINT);
CREATE OR REPLACE TEMP MACRO salus_intdiv_long(a, b) AS TRY_CAST(CAST(a AS HUGEINT) // nullif(b, 0) AS BIGINT);
CREATE OR REPLACE TEMP MACRO salus_mod_long(a, b) AS TRY_CAST(CAST(a AS HUGEINT) % nullif(b, 0) AS BIGINT);
CREATE OR REPLACE TEMP MACRO salus_pow_long(a, b) AS TRY_CAST(pow(a, b) AS BIGINT);
CREATE OR REPLACE TEMP MACRO salus_abs_long(a) AS TRY_CAST(abs(CAST(a AS HUGEINT)) AS BIGINT);
-- Decimals have 28 digits, 8 after the point; results are rounded half away from zero.
CREATE OR REPLACE TEMP MACRO salus_decimal(a) AS TRY_CAST(round(CAST(a AS DOUBLE), 8) AS DECIMAL(28,8));
CREATE OR REPLACE TEMP MACRO salus_add_decimal(a, b) AS TRY_CAST(CAST(a AS DECIMAL(38,8)) + CAST(b AS DECIMAL(38,8)) AS DECIMAL(28,8));
CREATE OR REPLACE TEMP MACRO salus_sub_decimal(a, b) AS TRY_CAST(CAST(a AS DECIMAL(38,8)) - CAST(b AS DECIMAL(38,8)) AS DECIMAL(28,8));
CREATE OR REPLACE TEMP MACRO salus_places(a) AS length(rtrim(split_part(CAST(CAST(a AS DECIMAL(28,8)) AS VARCHAR), '.', 2), '0'));
CREATE OR REPLACE TEMP MACRO salus_shift(a, b) AS CAST(pow(10, least(salus_places(a), salus_places(b))) AS BIGINT);
-- Equivalent decimals: the same when rounded to the fewer of their decimal places.
CREATE OR REPLACE TEMP MACRO salus_equivalent(a, b) AS a = b OR coalesce(TRY(
  round(CAST(a AS DECIMAL(28,8)) * salus_shift(a, b)) = round(CAST(b AS DECIMAL(28,8)) * salus_shift(a, b))), false);
-- Exact below a hundred billion. Each factor stands once in the text: products of products would double it each time.
CREATE OR REPLACE TEMP MACRO salus_mul_decimal(a, b) AS list_transform([{'a': a, 'b': b}], lambda p: coalesce(
  TRY_CAST(TRY_CAST(p.a AS DECIMAL(19,8)) * TRY_CAST(p.b AS DECIMAL(19,8)) AS DECIMAL(28,8)),
  salus_decimal(CAST(p.a AS DOUBLE) * CAST(p.b AS DOUBLE))))[1];
-- Exact: in whole hundred-millionths, rounded half away from zero.
CREATE OR REPLACE TEMP MACRO salus_ticks(a) AS CAST(CAST(a AS DECIMAL(28,8)) * 100000000 AS HUGEINT);
CREATE OR REPLACE TEMP MACRO salus_of_ticks(n) AS
  TRY_CAST(TRY_CAST(n // 100000000 AS DECIMAL(28,8)) + CAST(CAST(n % 100000000 AS DOUBLE) / 1e8 AS DECIMAL(28,8)) AS DECIMAL(28,8));
CREATE OR REPLACE TEMP MACRO salus_div_decimal(a, b) AS list_transform(
  [{'n': salus_ticks(a) * 100000000, 'd': nullif(salus_ticks(b), 0)}],
  lambda p: salus_of_ticks((abs(p.n) * 2 + abs(p.d)) // (2 * abs(p.d)) * (sign(p.n) * sign(p.d))))[1];
CREATE OR REPLACE TEMP MACRO salus_mod_decimal(a, b) AS CAST(a AS DECIMAL(28,8)) % nullif(CAST(b AS DECIMAL(28,8)), 0);
CREATE OR REPLACE TEMP MACRO salus_intdiv_decimal(a, b) AS
  TRY_CAST(round(CAST(a - salus_mod_decimal(a, b) AS DOUBLE) / CAST(b AS DOUBLE)) AS DECIMAL(28,8));
CREATE OR REPLACE TEMP MACRO salus_pow_decimal(a, b) AS salus_decimal(pow(CAST(a AS DOUBLE), CAST(b AS DOUBLE)));
CREATE OR REPLACE TEMP MACRO salus_abs_decimal(a) AS abs(a);
CREATE OR REPLACE TEMP MACRO salus_round(a, places) AS TRY_CAST(round(CAST(a AS DECIMAL(28,8)), places) AS DECIMAL(28,8));
CREATE OR REPLACE TEMP MACRO salus_exp(a) AS salus_decimal(exp(CAST(a AS DOUBLE)));
CREATE OR REPLACE TEMP MACRO salus_ln(a) AS salus_decimal(CASE WHEN a > 0 THEN ln(CAST(a AS DOUBLE)) END);
CREATE OR REPLACE TEMP MACRO salus_log(a, base) AS
  salus_decimal(CASE WHEN a > 0 AND base > 0 AND base <> 1 THEN ln(CAST(a AS DOUBLE)) / ln(CAST(base AS DOUBLE)) END);
CREATE OR REPLACE TEMP MACRO salus_ceiling(a) AS TRY_CAST(ceil(a) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_floor_number(a) AS TRY_CAST(floor(a) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_truncate(a) AS TRY_CAST(trunc(a) AS INTEGER);
CREATE OR REPLACE TEMP MACRO salus_split_last(s, separator) AS string_split(s, separator)[-1];
-- Conversions of text: null for what is not written as CQL wants it.
CREATE OR REPLACE TEMP MACRO salus_to_integer(s) AS CASE WHEN regexp_full_match(s, '[+-]?\d+') THEN TRY_CAST(s AS INTEGER) END;
CREATE OR REPLACE TEMP MACRO salus_to_long(s) AS CASE WHEN regexp_full_match(s, '[+-]?\d+') THEN TRY_CAST(s AS BIGINT) END;
CREATE OR REPLACE TEMP MACRO salus_to_decimal(s) AS
  CASE WHEN regexp_full_match(s, '[+-]?(\d+(\.\d+)?|\.\d+)') THEN TRY_CAST(s AS DECIMAL(28,8)) END;
CREATE OR REPLACE TEMP MACRO salus_to_boolean(s) AS CASE WHEN lower(s) IN ('true', 't', 'yes', 'y', '1') THEN true
  WHEN lower(s) IN ('false', 'f', 'no', 'n', '0') THEN false END;
CREATE OR REPLACE TEMP MACRO salus_decimal_text(a) AS
  regexp_replace(CAST(CAST(a AS DECIMAL(28,8)) AS VARCHAR), '(\.\d+?)0+$', '\1');
CREATE OR REPLACE TEMP MACRO salus_amount_text(a) AS
  regexp_replace(CAST(CAST(a AS DECIMAL(28,8)) AS VARCHAR), '\.?0+$', '');
CREATE OR REPLACE TEMP MACRO salus_joined(texts, separator) AS list_reduce(texts, lambda a, b: concat(a, separator, b));
CREATE OR REPLACE TEMP MACRO salus_split(s, separator) AS string_split(s, separator);
CREATE OR REPLACE TEMP MACRO salus_normalise(s) AS regexp_replace(lower(s), '\s', ' ', 'g');
CREATE OR REPLACE TEMP MACRO salus_substring(s, start) AS CASE WHEN start >= 0 AND start < greatest(length(s), 1) THEN substring(s, start + 1) END;
CREATE OR REPLACE TEMP MACRO salus_substring_of(s, start, size) AS substring(salus_substring(s, start), 1, greatest(size, 0));
CREATE OR REPLACE TEMP MACRO salus_position(s, pattern) AS strpos(s, pattern) - 1;
CREATE OR REPLACE TEMP MACRO salus_last_position(s, pattern) AS
  CASE WHEN contains(s, pattern) THEN length(s) - length(pattern) - strpos(reverse(s), reverse(pattern)) + 1
  WHEN s IS NOT NULL AND pattern IS NOT NULL THEN -1 END;
CREATE OR REPLACE TEMP MACRO salus_replace_matches(s, pattern, substitution) AS
  regexp_replace(s, pattern, substitution, 'g');
-- A Time is an instant of 2000-01-01.
CREATE OR REPLACE TEMP MACRO salus_time_of_day(a) AS a - date_trunc('day', a) + TIMESTAMP '2000-01-01';
-- Dates and times out of text: the first instant in UTC, and how many components are stated; null where it is none.
CREATE OR REPLACE TEMP MACRO salus_moment_stated(s) AS regexp_extract(s,
  '^(\d{4}(?:-\d\d(?:-\d\d(?:T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)?)?)?)?)(?:Z|[+-]\d\d:\d\d)?$', 1);
CREATE OR REPLACE TEMP MACRO salus_offset_minutes(s) AS coalesce(
  TRY_CAST(regexp_extract(s, 'T.*([+-])(\d\d):(\d\d)$', 1) || '1' AS INTEGER)
  * (TRY_CAST(regexp_extract(s, '([+-])(\d\d):(\d\d)$', 2) AS INTEGER) * 60 + TRY_CAST(regexp_extract(s, '([+-])(\d\d):(\d\d)$', 3) AS INTEGER)), 0);
CREATE OR REPLACE TEMP MACRO salus_moment_low(s) AS TRY_CAST(nullif(
  left(salus_moment_stated(s), 23) || substring('0000-01-01T00:00:00.000', length(left(salus_moment_stated(s), 23)) + 1),
  '0000-01-01T00:00:00.000') AS TIMESTAMP)
  - to_minutes(CAST(salus_offset_minutes(s) AS BIGINT));
CREATE OR REPLACE TEMP MACRO salus_moment_precision(s) AS CASE WHEN salus_moment_low(s) IS NOT NULL THEN
  CASE length(salus_moment_stated(s)) WHEN 4 THEN 1 WHEN 7 THEN 2 WHEN 10 THEN 3 WHEN 11 THEN 3 WHEN 13 THEN 4 WHEN 16 THEN 5 WHEN 19 THEN 6 ELSE 7 END END;
CREATE OR REPLACE TEMP MACRO salus_time_low(s) AS salus_moment_low('2000-01-01T' || regexp_extract(s, '^T?(.*?)(?:Z|[+-]\d\d:\d\d)?$', 1));
CREATE OR REPLACE TEMP MACRO salus_time_precision(s) AS salus_moment_precision('2000-01-01T' || regexp_extract(s, '^T?(.*?)(?:Z|[+-]\d\d:\d\d)?$', 1));
-- A date as text, from its first instant and precision; of a Time the part from the hour on.
CREATE OR REPLACE TEMP MACRO salus_moment_text(low, precision, start) AS substring(strftime(low, '%Y-%m-%dT%H:%M:%S.%g'), start,
  CASE precision WHEN 1 THEN 5 WHEN 2 THEN 8 WHEN 3 THEN 11 WHEN 4 THEN 14 WHEN 5 THEN 17 WHEN 6 THEN 20 ELSE 24 END - start);
CREATE OR REPLACE TEMP MACRO salus_offset_text(minutes) AS CASE WHEN minutes < 0 THEN '-' ELSE '+' END
  || lpad(CAST(abs(minutes) // 60 AS VARCHAR), 2, '0') || ':' || lpad(CAST(abs(minutes) % 60 AS VARCHAR), 2, '0');
CREATE OR REPLACE TEMP MACRO salus_floor_to(a, grain) AS CAST(floor(a / grain) * grain AS DECIMAL(28, 8));
