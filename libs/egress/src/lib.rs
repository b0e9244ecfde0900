//! HTTP to addresses that clients name: never to a forbidden one, on no redirect and after no change of a DNS answer.
