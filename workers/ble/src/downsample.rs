//! One heart rate in five seconds out of one a second: the first at once, then the mean of each window.

use std::time::{Duration, Instant};

/// How often a stream's value is kept.
pub const WINDOW: Duration = Duration::from_secs(5);

/// A stream of rates, thinned out. Told the time.
#[derive(Debug, Default)]
pub struct Downsampler {
    window: Option<Window>,
}

#[derive(Debug)]
struct Window {
    ends: Instant,
    sum: u64,
    count: u64,
}

impl Window {
    fn starting(now: Instant) -> Self {
        Self { ends: now + WINDOW, sum: 0, count: 0 }
    }

    fn mean(&self) -> Option<u16> {
        // Rounded to the nearest whole beat.
        let rounded = (self.sum + self.count / 2).checked_div(self.count)?;
        u16::try_from(rounded).ok()
    }
}

impl Downsampler {
    /// A rate came in; says what to keep now. Windows that have ended must be closed first.
    pub fn push(&mut self, now: Instant, rate: u16) -> Option<u16> {
        if let Some(window) = &mut self.window {
            window.sum += u64::from(rate);
            window.count += 1;
            return None;
        }
        self.window = Some(Window::starting(now));
        Some(rate)
    }

    /// When [`Downsampler::close`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.window.as_ref().map(|window| window.ends)
    }

    /// The window has ended; says what to keep of it. After an empty window the next rate is kept at once again.
    pub fn close(&mut self, now: Instant) -> Option<u16> {
        let mean = self.window.take()?.mean();
        self.window = mean.map(|_| Window::starting(now));
        mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rate_is_kept_at_once_and_then_the_mean_of_each_window() {
        let start = Instant::now();
        let mut stream = Downsampler::default();
        assert_eq!(stream.push(start, 60), Some(60));
        assert_eq!(stream.push(start, 70), None);
        assert_eq!(stream.push(start, 73), None);
        assert_eq!(stream.deadline(), Some(start + WINDOW));
        assert_eq!(stream.close(start + WINDOW), Some(72));
        assert_eq!(stream.deadline(), Some(start + 2 * WINDOW));
    }

    #[test]
    fn a_stream_that_paused_starts_again_with_the_first_rate() {
        let start = Instant::now();
        let mut stream = Downsampler::default();
        stream.push(start, 60);
        assert_eq!(stream.close(start + WINDOW), None);
        assert_eq!(stream.deadline(), None);
        assert_eq!(stream.push(start + 3 * WINDOW, 90), Some(90));
    }

    #[test]
    fn the_greatest_rates_do_not_overflow() {
        let start = Instant::now();
        let mut stream = Downsampler::default();
        for _ in 0..70_000 {
            stream.push(start, u16::MAX);
        }
        assert_eq!(stream.close(start), Some(u16::MAX));
    }
}
