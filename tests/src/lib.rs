//! The system as an operator meets it
