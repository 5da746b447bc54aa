//! A page that is written while it is read: a piece is written when somebody wants it.
//!
//! The writer of a format is an `async` function that waits where a piece is full, and is polled
//! when the next piece is wanted. So the compiler makes the cursor that each of the formats would
//! need, and the writers stay loops. There is no runtime and no waker: the function waits for
//! nothing else. A page costs the memory of its snapshot and of one piece, however long it is, and
//! gzip keeps a third of a MiB more.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::iter::FusedIterator;
use std::mem::{replace, take};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The bytes of a piece. It has at most one line more.
pub(super) const PIECE: usize = 64 << 10;

/// Where a writer puts pieces. Nobody else has it while the writer runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Outlet(Arc<Mutex<Put>>);

#[derive(Debug, Default)]
struct Put {
    piece: Vec<u8>,
    left_out: Vec<String>,
}

impl Outlet {
    fn put(&self) -> MutexGuard<'_, Put> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a piece on, and waits until the next one is wanted. Returns an empty buffer for it.
    pub(super) async fn give(&self, piece: Vec<u8>) -> Vec<u8> {
        self.put().piece = piece;
        let mut has_waited = false;
        poll_fn(|_| if replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending })
            .await;
        take(&mut self.put().piece)
    }

    /// Hands the last piece on.
    pub(super) fn end(&self, piece: Vec<u8>) {
        self.put().piece = piece;
    }

    /// Tells of families that the page lacks. To be called before the first piece.
    pub(super) fn leave_out(&self, families: Vec<String>) {
        self.put().left_out = families;
    }

    fn left_out(&self) -> Vec<String> {
        take(&mut self.put().left_out)
    }
}

/// A writer that is polled for pieces.
pub(super) struct Written<'a> {
    /// `None`: it has ended.
    writer: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync + 'a>>>,
    outlet: Outlet,
}

impl<'a> Written<'a> {
    pub(super) fn by<F: Future<Output = ()> + Send + Sync + 'a>(
        writer: impl FnOnce(Outlet) -> F,
    ) -> Self {
        let outlet = Outlet::default();
        Self { writer: Some(Box::pin(writer(outlet.clone()))), outlet }
    }

    fn has_ended(&self) -> bool {
        self.writer.is_none()
    }

    /// Writes the next piece. The buffer, which is empty, is used again.
    fn piece(&mut self, buffer: Vec<u8>) -> Option<Vec<u8>> {
        let writer = self.writer.as_mut()?;
        self.outlet.put().piece = buffer;
        if writer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.writer = None;
        }
        Some(take(&mut self.outlet.put().piece))
    }

    /// Writes all of it into a sink, and returns the families that the page lacks.
    pub(super) fn write_to(mut self, sink: &mut dyn Write) -> io::Result<Vec<String>> {
        let mut buffer = Vec::new();
        while let Some(mut piece) = self.piece(buffer) {
            sink.write_all(&piece)?;
            piece.clear();
            buffer = piece;
        }
        Ok(self.outlet.left_out())
    }

    /// All of it at once, and the families that it lacks.
    pub(super) fn whole(mut self) -> (Vec<u8>, Vec<String>) {
        let mut whole = self.piece(Vec::new()).unwrap_or_default();
        // Writing to memory does not fail.
        let left_out = self.write_to(&mut whole).unwrap_or_default();
        (whole, left_out)
    }
}

/// Compresses into a sink. The fastest level: a page of metrics becomes a tenth with any of them.
#[cfg(feature = "gzip")]
pub(super) fn packer<W: Write>(sink: W) -> flate2::write::GzEncoder<W> {
    flate2::write::GzEncoder::new(sink, flate2::Compression::fast())
}

/// What pieces are made of.
enum Source {
    Nothing,
    Plain(Written<'static>),
    #[cfg(feature = "gzip")]
    Packed(Written<'static>, flate2::write::GzEncoder<Vec<u8>>),
}

/// The bytes of a page, of which each piece is written when it is wanted: the body of an
/// [`Exposition`](crate::Exposition) that [`render_in_pieces`](crate::render_in_pieces) returns.
///
/// It keeps the snapshot until the last piece. With the feature `http` it is a body
/// (`http_body::Body`) for hyper, axum, tonic and the like, which yields to others after some
/// pieces.
///
/// # Examples
///
/// ```
/// let page = headcount::render_in_pieces("text/plain")?;
/// let mut length = 0;
/// for piece in page.into_body() {
///     length += piece.len();
/// }
/// assert!(length > 0);
/// # Ok::<(), headcount::Error>(())
/// ```
#[must_use = "it is written when it is read"]
pub struct Pieces {
    /// Written already.
    next: Option<Vec<u8>>,
    source: Source,
    #[cfg(feature = "http")]
    in_a_row: u8,
}

impl Pieces {
    /// The pieces as they are written, and the families that the page lacks.
    pub(super) fn of(written: Written<'static>) -> (Self, Vec<String>) {
        let outlet = written.outlet.clone();
        (Self::begin(Source::Plain(written)), outlet.left_out())
    }

    /// The same, compressed.
    #[cfg(feature = "gzip")]
    pub(super) fn packed(written: Written<'static>) -> (Self, Vec<String>) {
        let outlet = written.outlet.clone();
        (Self::begin(Source::Packed(written, packer(Vec::new()))), outlet.left_out())
    }

    /// The first piece is often the only one. Then the length is known.
    fn begin(source: Source) -> Self {
        let mut pieces = Self {
            next: None,
            source,
            #[cfg(feature = "http")]
            in_a_row: 0,
        };
        pieces.next = pieces.source.piece();
        pieces
    }

    fn piece(&mut self) -> Option<Vec<u8>> {
        self.next.take().or_else(|| self.source.piece())
    }

    /// Returns the number of bytes that are still to come, if it is known: a page of one piece, or
    /// the last piece of a longer one.
    pub fn length(&self) -> Option<u64> {
        let is_last = matches!(self.source, Source::Nothing);
        is_last.then(|| self.next.as_ref().map_or(0, |piece| piece.len() as u64))
    }
}

impl Source {
    fn piece(&mut self) -> Option<Vec<u8>> {
        let piece = match self {
            Self::Nothing => None,
            Self::Plain(written) => written.piece(Vec::new()),
            #[cfg(feature = "gzip")]
            Self::Packed(written, packer) => {
                let mut buffer = Vec::new();
                loop {
                    let Some(mut piece) = written.piece(buffer) else { break None };
                    // Writing to memory does not fail.
                    let _ = packer.write_all(&piece);
                    if written.has_ended() {
                        let _ = packer.try_finish();
                        break Some(take(packer.get_mut()));
                    }
                    if packer.get_ref().len() >= PIECE / 4 {
                        break Some(take(packer.get_mut()));
                    }
                    piece.clear();
                    buffer = piece;
                }
            }
        };
        let has_ended = match self {
            Self::Nothing => true,
            Self::Plain(written) => written.has_ended(),
            #[cfg(feature = "gzip")]
            Self::Packed(written, _) => written.has_ended(),
        };
        if has_ended {
            // The snapshot goes with it.
            *self = Self::Nothing;
        }
        piece.filter(|piece| !piece.is_empty())
    }
}

/// The iterator over [`Pieces`]. Not `Pieces` itself: a body has methods of the same names.
///
/// ```
/// let page = headcount::render_in_pieces("text/plain")?;
/// let length: usize = page.into_body().into_iter().map(|piece| piece.len()).sum();
/// assert!(length > 0);
/// # Ok::<(), headcount::Error>(())
/// ```
#[derive(Debug)]
pub struct IntoPieces(Pieces);

impl Iterator for IntoPieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.0.piece()
    }
}

impl FusedIterator for IntoPieces {}

impl IntoIterator for Pieces {
    type Item = Vec<u8>;
    type IntoIter = IntoPieces;

    fn into_iter(self) -> IntoPieces {
        IntoPieces(self)
    }
}

impl From<Vec<u8>> for Pieces {
    fn from(bytes: Vec<u8>) -> Self {
        let mut pieces = Self::begin(Source::Nothing);
        pieces.next = Some(bytes).filter(|bytes| !bytes.is_empty());
        pieces
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").field("length", &self.length()).finish_non_exhaustive()
    }
}

// A writer that panicked is not polled again, and everything that it had is its own.
impl UnwindSafe for Pieces {}
impl RefUnwindSafe for Pieces {}

#[cfg(feature = "http")]
mod body {
    use core::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use http_body::{Body, Frame, SizeHint};

    use super::Pieces;

    /// How many pieces are written before others have their turn. A client that reads as fast as
    /// they are written would else have the thread for itself.
    const IN_A_ROW: u8 = 8;

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.in_a_row >= IN_A_ROW {
                self.in_a_row = 0;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.in_a_row = self.in_a_row.saturating_add(1);
            Poll::Ready(self.piece().map(|piece| Ok(Frame::data(piece.into()))))
        }

        fn is_end_stream(&self) -> bool {
            self.length() == Some(0)
        }

        fn size_hint(&self) -> SizeHint {
            self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bucket, HistogramValue, MetricFamily, MetricType, Series, Snapshot, Value};

    const ACCEPTS: [&str; 5] = [
        "text/plain",
        "text/plain;version=1.0.0",
        "application/openmetrics-text",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        "application/json",
    ];

    /// Two names of which escaping makes one, many series, and one series that is long by itself.
    fn snapshot() -> Arc<Snapshot> {
        let family = |name: &str| MetricFamily::gauge(name, "Help.").with_series(&[], 1.0);
        let mut many = MetricFamily::counter("many_total", "Many.");
        for number in 0..5_000_u32 {
            let value = format!("{number:050}");
            many = many.with_series(&[("number", &value)], f64::from(number));
        }
        let buckets = (0..3_000_u32).map(|n| Bucket { le: f64::from(n), count: n.into() });
        let last = Bucket { le: f64::INFINITY, count: 3_000 };
        let histogram =
            HistogramValue { buckets: buckets.chain([last]).collect(), sum: 1.5, native: None };
        let long = MetricFamily {
            name: "long_seconds".to_owned(),
            help: "Long.".to_owned(),
            unit: "seconds".to_owned(),
            kind: MetricType::Histogram,
            series: vec![Series::new(
                [("text", "x".repeat(500).as_str())].into_iter().collect(),
                Value::Histogram(histogram),
            )],
        };
        let families = vec![family("a.b"), family("a_b"), long, many];
        Arc::new(Snapshot { families, skipped: Vec::new() })
    }

    #[test]
    fn pieces_are_the_page() {
        let snapshot = snapshot();
        for accept in ACCEPTS {
            for encoding in ["", "gzip"] {
                let scrape = super::super::Scrape::new().accept(accept).accept_encoding(encoding);
                let whole = snapshot.render(scrape.clone());
                let pieces = Arc::clone(&snapshot).render_in_pieces(scrape);
                assert_eq!(pieces.left_out(), whole.left_out());
                assert!(pieces.headers().eq(whole.headers()));
                let mut pieces = pieces.into_body();
                let is_packed = cfg!(feature = "gzip") && encoding == "gzip";
                assert!(is_packed || pieces.length().is_none(), "{accept} is long");
                let mut bytes = Vec::new();
                while let Some(piece) = pieces.piece() {
                    assert!(!piece.is_empty() && piece.len() < 2 * PIECE, "{}", piece.len());
                    bytes.extend(piece);
                }
                assert_eq!(bytes, whole.into_body(), "{accept}, {encoding}");
                assert_eq!((pieces.length(), pieces.piece()), (Some(0), None));
            }
        }
    }

    #[test]
    fn a_page_of_one_piece_has_a_length_and_keeps_nothing() {
        let families = vec![MetricFamily::gauge("a", "Help.").with_series(&[], 1.0)];
        let snapshot = Arc::new(Snapshot { families, skipped: Vec::new() });
        for accept in ACCEPTS {
            for encoding in ["", "gzip"] {
                let scrape = super::super::Scrape::new().accept(accept).accept_encoding(encoding);
                let pieces = Arc::clone(&snapshot).render_in_pieces(scrape.clone()).into_body();
                let length = snapshot.render(scrape).body().len() as u64;
                assert_eq!(pieces.length(), Some(length));
                assert_eq!(Arc::strong_count(&snapshot), 1, "{accept}");
                let read: usize = pieces.into_iter().map(|piece| piece.len()).sum();
                assert_eq!(read as u64, length);
            }
        }
    }

    #[test]
    fn a_snapshot_stays_until_its_page_is_read_or_dropped() {
        let snapshot = snapshot();
        let mut pieces = Arc::clone(&snapshot).render_in_pieces("").into_body().into_iter();
        assert_eq!(Arc::strong_count(&snapshot), 2);
        assert!(pieces.by_ref().count() > 10);
        assert_eq!(Arc::strong_count(&snapshot), 1);
        drop(Arc::clone(&snapshot).render_in_pieces(""));
        assert_eq!(Arc::strong_count(&snapshot), 1);
    }

    #[test]
    fn a_sink_that_takes_no_more_ends_the_writing() {
        let written = Written::by(|outlet| async move {
            let piece = outlet.give(vec![1; 10]).await;
            assert!(piece.is_empty() && piece.capacity() >= 10, "the buffer is used again");
            let _ = outlet.give(vec![2; 10]).await;
            panic!("nobody wants a third");
        });
        let mut sink = &mut [0; 15][..];
        assert_eq!(written.write_to(&mut sink).unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}
