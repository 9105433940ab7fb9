//! A fake BlueZ on a private bus, for tests
