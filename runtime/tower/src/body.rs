//! A response's body that ends the request with it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::record::{End, Record};

pin_project! {
    /// The body of a response whose request is counted. It is the inner body in all that a server
    /// sees: frames, trailers, size and end.
    #[derive(Debug)]
    pub struct RecordedBody<B: Body> {
        #[pin]
        inner: B,
        record: Option<Record>,
        // The bytes that are still to come, if the response has named a length. A server need not
        // ask for more than that.
        left: Option<u64>,
    }

    impl<B: Body> PinnedDrop for RecordedBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.inner.is_end_stream() || *this.left == Some(0) {
                end(this.record, End::Whole);
            }
            // A record that is dropped was cancelled.
        }
    }
}

impl<B: Body> RecordedBody<B> {
    pub(crate) fn new(inner: B, record: Option<Record>, length: Option<u64>) -> Self {
        let left = length.or(inner.size_hint().exact());
        Self { inner, record, left }
    }
}

fn end(record: &mut Option<Record>, how: End) {
    if let Some(mut record) = record.take() {
        record.end(how);
    }
}

impl<B: Body> Body for RecordedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let poll = || this.inner.poll_frame(context);
        let polled = match this.record {
            Some(record) => record.watch(poll),
            None => poll(),
        };
        let frame = ready!(polled);
        match &frame {
            None => end(this.record, End::Whole),
            Some(Err(_)) => end(this.record, End::Error),
            Some(Ok(frame)) => {
                if let (Some(left), Some(data)) = (this.left.as_mut(), frame.data_ref()) {
                    let length = u64::try_from(data.remaining()).unwrap_or(u64::MAX);
                    *left = left.saturating_sub(length);
                }
                if frame.is_trailers() {
                    end(this.record, End::Whole);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
