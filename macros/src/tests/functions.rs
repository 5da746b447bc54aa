//! Expansions of functions, formatted. A changed expansion fails here.
//!
//! `UPDATE_EXPECT=1 cargo test -p headcount-macros` updates what is expected.

#![expect(clippy::needless_raw_string_hashes, reason = "so they are written by `UPDATE_EXPECT`")]

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;

use crate::attributes::combine;
use crate::attributes::metric;
use crate::kind::Attribute;

use super::print::print;

fn counted(args: TokenStream, item: TokenStream, expected: &Expect) {
    expected.assert_eq(&print(combine::attribute(Attribute::Counted, args, item)));
}

#[test]
fn a_bare_counted_function_has_no_guard() {
    counted(
        quote!(),
        quote! {
            /// Adds one.
            pub fn plain(a: u32) -> u32 {
                a + 1
            }
        },
        &expect![[r#"
            /// Adds one.
            pub fn plain(a: u32) -> u32 {
                {
                    __SITE.count();
                    struct __Here;
                    static __SITE: ::headcount::__private::FunctionSite<1> = ::headcount::__private::FunctionSite::new::<
                        __Here,
                    >(&__SITE, ::headcount::__private::module_path!());
                    ::headcount::__private::inventory::submit! {
                        __SITE.sites()
                    }
                }
                {
                    a + 1
                }
            }
        "#]],
    );
}

#[test]
fn timing_keeps_the_body_in_its_place() {
    let args = quote!();
    let item = quote!(
        async fn wait(mut n: u32) {
            #![allow(clippy::never_loop)]
            n += 1;
            tick(n).await
        }
    );
    expect![[r#"
        #[allow(clippy::never_loop)]
        async fn wait(mut n: u32) {
            {
                let __call = {
                    struct __Here;
                    static __SITE: ::headcount::__private::FunctionSite<4> = ::headcount::__private::FunctionSite::new::<
                        __Here,
                    >(&__SITE, ::headcount::__private::module_path!());
                    ::headcount::__private::inventory::submit! {
                        __SITE.sites()
                    }
                    __SITE.scope()
                };
                {
                    n += 1;
                    tick(n).await
                }
            }
        }
    "#]]
    .assert_eq(&print(combine::attribute(Attribute::Timed, args, item)));
}

#[test]
fn bare_in_progress_and_count_exceptions() {
    let item = quote!(
        fn f(&mut self, (a, mut b): (String, u8)) -> Option<&mut u8> {
            self.get(a, b)
        }
    );
    expect![[r#"
        fn f(&mut self, (a, mut b): (String, u8)) -> Option<&mut u8> {
            {
                let __call = {
                    struct __Here;
                    static __SITE: ::headcount::__private::FunctionSite<16> = ::headcount::__private::FunctionSite::new::<
                        __Here,
                    >(&__SITE, ::headcount::__private::module_path!());
                    ::headcount::__private::inventory::submit! {
                        __SITE.sites()
                    }
                    __SITE.scope()
                };
                {
                    self.get(a, b)
                }
            }
        }
    "#]]
    .assert_eq(&print(combine::attribute(Attribute::InProgress, quote!(), item.clone())));
    expect![[r#"
        fn f(&mut self, __arg1: (String, u8)) -> Option<&mut u8> {
            {
                let __call = {
                    struct __Here;
                    static __SITE: ::headcount::__private::FunctionSite<96> = ::headcount::__private::FunctionSite::new::<
                        __Here,
                    >(&__SITE, ::headcount::__private::module_path!());
                    ::headcount::__private::inventory::submit! {
                        __SITE.sites()
                    }
                    __SITE.unlooked()
                };
                let __arg1 = __arg1;
                let (a, mut b) = __arg1;
                {
                    self.get(a, b)
                }
            }
        }
    "#]]
    .assert_eq(&print(combine::attribute(Attribute::CountExceptions, quote!(), item)));
}

#[test]
fn a_boxed_future_is_counted_when_it_is_polled() {
    let item = quote!(
        fn get<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = Page> + Send + 'a>> {
            Box::pin(async move { self.load(key).await })
        }
    );
    expect![[r#"
        fn get<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = Page> + Send + 'a>> {
            let __recorders = {
                struct __Here;
                static __SITE: ::headcount::__private::FunctionSite<2> = ::headcount::__private::FunctionSite::new::<
                    __Here,
                >(&__SITE, ::headcount::__private::module_path!());
                ::headcount::__private::inventory::submit! {
                    __SITE.sites()
                }
                __SITE.recorder()
            };
            {
                Box::pin({
                    let __body = async move { self.load(key).await };
                    #[allow(clippy::result_large_err)]
                    let __ends = ::headcount::__private::ends(
                        ::headcount::__private::watch(__body, __recorders),
                        move |(__call, __out): (_, Page)| {
                            __call.end(::headcount::__private::Out(&__out).outcome());
                            __out
                        },
                    );
                    __ends
                })
            }
        }
    "#]]
    .assert_eq(&print(combine::attribute(Attribute::Counted, quote!(outcome), item)));
    let item = quote!(
        fn get(key: &str) -> impl Future<Output = Page> {
            let page = load(key);
            async move { page.await }
        }
    );
    expect![[r#"
        fn get(key: &str) -> impl Future<Output = Page> {
            let __recorders = {
                struct __Here;
                static __SITE: ::headcount::__private::FunctionSite<1> = ::headcount::__private::FunctionSite::new::<
                    __Here,
                >(&__SITE, ::headcount::__private::module_path!());
                ::headcount::__private::inventory::submit! {
                    __SITE.sites()
                }
                __SITE.recorder()
            };
            {
                let page = load(key);
                {
                    let __body = async move { page.await };
                    #[allow(clippy::result_large_err)]
                    let __ends = ::headcount::__private::ends(
                        ::headcount::__private::watch(__body, __recorders),
                        move |(__call, __out): (_, Page)| {
                            __call.end(::headcount::__private::Outcome::Ok);
                            __out
                        },
                    );
                    __ends
                }
            }
        }
    "#]]
    .assert_eq(&print(combine::attribute(Attribute::Counted, quote!(), item)));
}

#[test]
fn an_attribute_waits_for_those_after_it() {
    let item = quote!(
        #[timed]
        #[inline]
        fn f() {}
    );
    expect![[r#"
        #[timed]
        #[inline]
        #[::headcount::__private::finish(counted(outcome))]
        fn f() {}
    "#]]
    .assert_eq(&print(combine::attribute(Attribute::Counted, quote!(outcome), item)));
    let item = quote!(
        #[inline]
        #[::headcount::__private::finish(counted(outcome))]
        fn f() {}
    );
    expect![[r#"
        #[inline]
        fn f() {
            {
                let __call = {
                    struct __Here;
                    static __SITE: ::headcount::__private::FunctionSite<6> = ::headcount::__private::FunctionSite::new::<
                        __Here,
                    >(&__SITE, ::headcount::__private::module_path!());
                    ::headcount::__private::inventory::submit! {
                        __SITE.sites()
                    }
                    __SITE.unlooked()
                };
                { }
            }
        }
    "#]]
    .assert_eq(&print(combine::attribute(Attribute::Timed, quote!(), item)));
}

#[test]
fn a_mistake_leaves_the_function_as_it_was() {
    counted(
        quote!(nam = "x"),
        quote!(#[inline] fn f() { 1 + }),
        &expect![[
            r#"unexpected end of input, expected an expression: compile_error ! { "there is no key `nam` (did you mean `name`?); `#[counted]` takes `name`, `namespace`, `subsystem`, `help`, `unit`, `labels`, `utf8_names`, `max_series`, `idle_timeout`, `exemplars`, `metric`, `prefix`, `outcome`, `error_if`, `when`, `future`, `crate`" } # [inline] fn f () { 1 + }"#
        ]],
    );
    expect![[r#"
        static A: Counter = {
            compile_error! {
                "a metric has no initial value: end with `;` after the type"
            }
            compile_error! {
                "a counter's name ends in `_total`: `x_total`"
            }
            compile_error! {
                "a metric needs a help text: write a doc comment, or `help = \"..\"`"
            }
        };
    "#]]
    .assert_eq(&print(metric::attribute(
        quote!(name = "x"),
        quote!(
            static A: Counter = 3;
        ),
    )));
}
