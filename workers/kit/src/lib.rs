//! What every worker needs, and nothing it does.
