-- server: <18
create or replace function taskbell.uuid7() returns uuid
language sql volatile parallel safe
return (
  select (
    lpad(to_hex(t.micros / 1000), 12, '0')
    || '7' || lpad(to_hex((t.micros % 1000) * 4096 / 1000), 3, '0')
    || to_hex(8 + ('x' || substr(t.noise, 1, 1))::bit(4)::integer % 4) || substr(t.noise, 2, 15)
  )::uuid
  from (
    select
      (extract(epoch from clock_timestamp()) * 1000000)::bigint as micros,
      replace(gen_random_uuid()::text, '-', '') as noise
  ) as t
);

comment on function taskbell.uuid7() is
'A fresh time-ordered id (RFC 9562, version 7, method 3: twelve bits below the millisecond). Stands in for uuidv7() of PostgreSQL 18.';
