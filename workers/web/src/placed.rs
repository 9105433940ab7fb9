//! An answer that goes on for as long as nobody else needs its place: it may be a stream that does not end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use kit::serve::Place;

use crate::answer::BodyError;

/// A worker's answer, and the place that it has here.
pub struct Placed {
    body: Incoming,
    needed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Placed {
    pub fn new(body: Incoming, place: Arc<Place>) -> Self {
        Self { body, needed: Box::pin(async move { place.is_needed().await }) }
    }
}

impl Body for Placed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.needed.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("others need its place".into())));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
