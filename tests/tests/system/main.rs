//! The system in one process, seen through its public endpoint.

mod example;
