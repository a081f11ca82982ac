-- server: 18+
create or replace function taskbell.uuid7() returns uuid
language sql volatile parallel safe
return uuidv7();

comment on function taskbell.uuid7() is 'A fresh time-ordered id (RFC 9562, version 7), in order also within a millisecond.';
