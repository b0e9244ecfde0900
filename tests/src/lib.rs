//! What the tests and benchmarks of the whole system share: calls of raw bytes ([`wire`]), the public API as its
//! descriptors tell it ([`api`]), the six services as processes ([`processes`]), all of
//! them as one ([`standalone`]), and the contract's example ([`example`]).

pub mod api;
pub mod example;
pub mod processes;
pub mod standalone;
pub mod wire;
