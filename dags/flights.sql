-- What is known before departure of every flight that took place and arrived; late = more than 15 minutes.
-- Cancelled and diverted flights have no arrival delay, so nothing to learn: they are left out here.
-- Weather and planes are joined where there are any: what is missing stays NULL, for the encoding to fill.
SELECT
    concat_ws('-', f.year, f.month, f.day, f.carrier, f.flight, f.origin, f.sched_dep_time) AS flight_id,
    make_date(f.year, f.month, f.day) AS date,
    CAST(f.arr_delay > 15 AS INTEGER) AS late,
    dayofweek(make_date(f.year, f.month, f.day)) AS weekday,
    f.hour,
    f.sched_dep_time % 100 AS minute,
    f.distance,
    f.carrier,
    f.origin,
    f.dest,
    f.tailnum,
    concat_ws(' ', f.carrier, f.flight) AS flight,
    w.temp, w.dewp, w.humid, w.wind_speed, w.wind_dir, w.precip, w.pressure, w.visib,
    f.year - p.year AS plane_age,
    p.seats,
    p.engines,
    p.manufacturer,
    p.model AS plane_model
FROM flights AS f
LEFT JOIN weather AS w
    ON w.origin = f.origin AND w.year = f.year AND w.month = f.month AND w.day = f.day AND w.hour = f.hour
LEFT JOIN planes AS p ON p.tailnum = f.tailnum
WHERE f.arr_delay IS NOT NULL
