//! How generated code examines a returned value, depending on its type.

use core::convert::Infallible;
use core::future::Future;
use core::marker::PhantomData;
use core::ops::Deref;
use core::pin::Pin;
use core::task::Poll;

use crate::model::outcome::Outcome;

/// A returned value. `Out(&value).outcome()` is [`Outcome::Error`] for an `Err`, by an inherent
/// method that exists for `Result` under any name. For all other types the call resolves one
/// `Deref` further. A trait would have to be imported into each function.
#[derive(Debug)]
pub struct Out<'a, T>(pub &'a T);

impl<T, E> Out<'_, Result<T, E>> {
    /// The outcome of the variant.
    #[inline]
    pub fn outcome(&self) -> Outcome {
        if self.0.is_err() { Outcome::Error } else { Outcome::Ok }
    }
}

impl<T, E> Out<'_, Option<Result<T, E>>> {
    /// The outcome of the variant inside; `None` is no error.
    #[inline]
    pub fn outcome(&self) -> Outcome {
        if matches!(self.0, Some(Err(_))) { Outcome::Error } else { Outcome::Ok }
    }
}

impl<T, E> Out<'_, Poll<Result<T, E>>> {
    /// The outcome of the variant inside; `Pending` is no error.
    #[inline]
    pub fn outcome(&self) -> Outcome {
        if matches!(self.0, Poll::Ready(Err(_))) { Outcome::Error } else { Outcome::Ok }
    }
}

impl<T, E> Out<'_, Poll<Option<Result<T, E>>>> {
    /// The outcome of the variant inside, as the `?` operator sees it.
    #[inline]
    pub fn outcome(&self) -> Outcome {
        if matches!(self.0, Poll::Ready(Some(Err(_)))) { Outcome::Error } else { Outcome::Ok }
    }
}

impl<'a, T: Fallible> Out<'a, T> {
    /// The error, if the value is one.
    #[inline]
    pub fn error(&self) -> Option<&'a T::Error> {
        self.0.error_of()
    }
}

/// A type with an error that can be examined.
#[diagnostic::on_unimplemented(
    message = "the error of a `Result` is looked into here, and this function returns `{Self}`",
    label = "not a `Result`"
)]
pub trait Fallible {
    /// The error's type.
    type Error;
    /// The error.
    fn error_of(&self) -> Option<&Self::Error>;
}

impl<T, E> Fallible for Result<T, E> {
    type Error = E;

    #[inline]
    fn error_of(&self) -> Option<&E> {
        self.as_ref().err()
    }
}

impl<T: Fallible> Fallible for Option<T> {
    type Error = T::Error;

    #[inline]
    fn error_of(&self) -> Option<&T::Error> {
        self.as_ref()?.error_of()
    }
}

impl<T: Fallible> Fallible for Poll<T> {
    type Error = T::Error;

    #[inline]
    fn error_of(&self) -> Option<&T::Error> {
        match self {
            Poll::Ready(value) => value.error_of(),
            Poll::Pending => None,
        }
    }
}

impl<T> Deref for Out<'_, T> {
    type Target = Otherwise;

    #[inline]
    fn deref(&self) -> &Otherwise {
        &Otherwise
    }
}

/// A value that is no `Result`.
#[derive(Debug)]
pub struct Otherwise;

impl Otherwise {
    /// Always [`Outcome::Ok`].
    #[inline]
    #[expect(clippy::unused_self, reason = "it must be called as the other one is")]
    pub fn outcome(&self) -> Outcome {
        Outcome::Ok
    }
}

/// The outcome according to the user's own test. It is a function so that the closure's argument
/// has a type before its body is checked.
#[inline]
pub fn error_if<T: ?Sized>(value: &T, test: impl FnOnce(&T) -> bool) -> Outcome {
    if test(value) { Outcome::Error } else { Outcome::Ok }
}

/// Calls a closure once. The bound makes the closure `FnOnce` whatever its body does: a closure
/// that is called in place is inferred as `FnMut` if it can be one, and then can't return what it
/// borrowed from a `&mut` argument.
#[inline]
pub fn call_once<T>(f: impl FnOnce() -> T) -> T {
    f()
}

/// A future that never has an output. The bound gives the `async` block its type, which the
/// compiler can't infer from a body that doesn't end.
#[inline]
pub fn diverging<F: Future<Output = Infallible>>(future: F) -> F {
    future
}

/// The output of such a future under watch. It is taken as a whole: code behind an expression of a
/// type without values is unreachable, and rustc would warn of it at the attribute.
#[inline]
pub fn diverge<T: Never>(output: T) -> ! {
    output.never()
}

/// A type without values.
pub trait Never {
    /// Is never called.
    fn never(self) -> !;
}

impl Never for Infallible {
    #[inline]
    fn never(self) -> ! {
        match self {}
    }
}

/// An output, and the call that was watched.
impl<C, T: Never> Never for (C, T) {
    #[inline]
    fn never(self) -> ! {
        self.1.never()
    }
}

/// A value of any type, in code that never runs and only tells the compiler the type.
///
/// # Panics
///
/// Panics if it runs.
pub fn never<T>() -> T {
    unreachable!("guarded by `if false`")
}

/// Determines whether a type is a future: `plain(Probe::<T>::NEW.kind())` compiles only if it
/// isn't.
///
/// The inherent `kind` exists for futures only; for all other types the call resolves one `Deref`
/// further.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

/// The answer for futures.
#[derive(Debug)]
pub struct Hidden;
/// The answer for all other types.
#[derive(Debug)]
pub struct Plain;

impl<T> Probe<T> {
    /// The question.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: Future> Probe<T> {
    /// The answer for a future.
    pub fn kind(&self) -> Hidden {
        Hidden
    }
}

impl<T> Deref for Probe<T> {
    type Target = Plain;

    fn deref(&self) -> &Plain {
        &Plain
    }
}

impl Plain {
    /// The answer for any other type.
    #[expect(clippy::unused_self, reason = "it must be called as the other one is")]
    pub fn kind(&self) -> Self {
        Self
    }
}

/// A value that may be measured as a plain one.
#[diagnostic::on_unimplemented(
    message = "this function returns a future, and only its creation would be measured: add `future` \
               if it is a boxed future, `future = false` if the call itself is what counts",
    label = "returns a future"
)]
pub trait Measured {}

impl Measured for Plain {}

/// The type itself, under a name that generated code writes.
pub type Same<T> = T;

/// Compiles for a type that is not a future.
pub fn plain(_: impl Measured) {}

/// A boxed future that may be replaced by a boxed future of this library.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no boxed future, so it can't be measured from outside: say \
               `future = false`, if the call itself is what counts",
    label = "not a `Pin<Box<dyn Future>>`"
)]
pub trait BoxedFuture {}

impl<F: Future + ?Sized> BoxedFuture for Pin<Box<F>> {}

/// Compiles for a boxed future.
pub fn boxed<T: BoxedFuture>(_: Probe<T>) {}
