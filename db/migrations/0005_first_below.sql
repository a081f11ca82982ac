-- taskbell.first_below() took its place: it tells the moment, too.
drop function if exists taskbell.next_rank(text, integer);
