//! Expansions of keys, families, derives and blocks, formatted.

#![expect(clippy::needless_raw_string_hashes, reason = "so they are written by `UPDATE_EXPECT`")]
#![expect(clippy::too_many_lines, reason = "an expansion is as long as it is")]

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;

use crate::attributes::combine;
use crate::attributes::metric;
use crate::derive::label_value as derive;
use crate::kind::Attribute;

use super::print::print;

fn derived(item: TokenStream, expected: &Expect) {
    expected.assert_eq(&print(derive::expand(item)));
}

#[test]
fn a_family() {
    let item = quote!(
        /// Requests served.
        pub fn requests<'a>(method: Method, path: &'a str) -> Counter;
    );
    expect![[r#"
        /// Requests served.
        pub fn requests<'a>(method: Method, path: &'a str) -> Counter {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<Counter>(),
                            "requests_total",
                            "Requests served.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .labels(
                            &[
                                ::headcount::__private::Label::Of(
                                    "method",
                                    {
                                        use ::headcount::__private::NoValues as _;
                                        ::headcount::__private::Values::<Method>::ALL
                                    },
                                ),
                                ::headcount::__private::Label::Open("path"),
                            ],
                        )
                        .max_series(50),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            let __label_0 = &method;
            let __label_1 = &path;
            ::headcount::__private::member::<Counter>(&__SITES[0], (__label_0, __label_1))
        }
    "#]]
    .assert_eq(&print(metric::attribute(quote!(name = "requests_total", max_series = 50), item)));
}

#[test]
fn values_of_an_enum_and_of_a_struct() {
    derived(
        quote!(
            enum Method {
                Get,
                #[label(rename = "PUT")]
                Put(u8),
            }
        ),
        &expect![[r##"
            #[automatically_derived]
            #[allow(deprecated)]
            impl ::headcount::__private::LabelValue for Method {
                const VALUES: &'static [&'static ::headcount::__private::str] = &["get", "PUT"];
                fn index(&self) -> ::headcount::__private::usize {
                    match self {
                        Self::Get { .. } => 0,
                        Self::Put { .. } => 1,
                    }
                }
                fn write_label(&self, __out: &mut ::headcount::__private::LabelWriter<'_>) {
                    __out
                        .push_str(
                            <Self as ::headcount::__private::LabelValue>::VALUES[<Self as ::headcount::__private::LabelValue>::index(
                                self,
                            )],
                        );
                }
            }
        "##]],
    );
    derived(
        quote!(
            struct Tenant<'a, T: Send>(&'a T);
        ),
        &expect![[r#"
            #[automatically_derived]
            #[allow(deprecated)]
            impl<'a, T: Send> ::headcount::__private::LabelValue for Tenant<'a, T>
            where
                &'a T: ::headcount::__private::LabelValue,
            {
                const VALUES: &'static [&'static ::headcount::__private::str] = <&'a T as ::headcount::__private::LabelValue>::VALUES;
                fn index(&self) -> ::headcount::__private::usize {
                    <&'a T as ::headcount::__private::LabelValue>::index(&self.0)
                }
                fn write_label(&self, __out: &mut ::headcount::__private::LabelWriter<'_>) {
                    <&'a T as ::headcount::__private::LabelValue>::write_label(&self.0, __out);
                }
            }
        "#]],
    );
}

#[test]
fn exceptions_by_pattern_and_by_label() {
    let entries = quote!(
        count_exceptions(name = "lost_total", only = Error::Lost(n) if *n > 3),
        count_exceptions(
            name = "failures_total",
            labels(queue, method),
            error_labels(kind, code = |error| error.code())
        )
    );
    let item = quote!(
        async fn run(queue: &str, method: Method) -> Result<u8, Error> {
            work(queue).await
        }
    );
    expect![[r#"
        async fn run(queue: &str, method: Method) -> Result<u8, Error> {
            {
                let __sites = {
                    static __SLOTS: [::headcount::__private::Slot; 2] = [::headcount::__private::Slot::NEW; 2];
                    static __SITES: [::headcount::__private::Site; 2] = [
                        ::headcount::__private::Site::metric(
                            &__SLOTS[0],
                            ::headcount::__private::Descriptor::new(
                                    ::headcount::__private::Kind::Exceptions,
                                    "lost_total",
                                    ::headcount::__private::concat!(
                                        "Errors and panics of `",
                                        ::headcount::__private::module_path!(), "::run`."
                                    ),
                                    ::headcount::__private::file!(),
                                    ::headcount::__private::line!(),
                                )
                                .generated_help(),
                        ),
                        ::headcount::__private::Site::metric(
                            &__SLOTS[1],
                            ::headcount::__private::Descriptor::new(
                                    ::headcount::__private::Kind::Exceptions,
                                    "failures_total",
                                    ::headcount::__private::concat!(
                                        "Errors and panics of `",
                                        ::headcount::__private::module_path!(), "::run`."
                                    ),
                                    ::headcount::__private::file!(),
                                    ::headcount::__private::line!(),
                                )
                                .generated_help()
                                .labels(
                                    &[
                                        ::headcount::__private::Label::Open("queue"),
                                        ::headcount::__private::Label::Of(
                                            "method",
                                            {
                                                use ::headcount::__private::NoValues as _;
                                                ::headcount::__private::Values::<Method>::ALL
                                            },
                                        ),
                                        ::headcount::__private::Label::Open("kind"),
                                        ::headcount::__private::Label::Open("code"),
                                    ],
                                ),
                        ),
                    ];
                    ::headcount::__private::inventory::submit! {
                        ::headcount::__private::Sites(& __SITES)
                    }
                    &__SITES
                };
                let __partial_1 = {
                    let __label_0 = &queue;
                    let __label_1 = &method;
                    __sites[1].partial((__label_0, __label_1))
                };
                let __recorders = (
                    ::headcount::__private::Matching::<0, 0>(__sites[0].slot()),
                    ::headcount::__private::Late::<
                        64,
                    >(
                        __sites[1].row_named(&__partial_1, "panic"),
                        ::headcount::__private::DROPPED,
                    ),
                );
                let (__call, __out) = ::headcount::__private::watch(
                        async move {
                            {
                                if false {
                                    let __r: ::headcount::__private::Box<Result<u8, Error>> = ::headcount::__private::never();
                                    return *__r;
                                }
                                let method = method;
                                {
                                    work(queue).await
                                }
                            }
                        },
                        __recorders,
                    )
                    .await;
                if let ::headcount::__private::Option::Some(__error) = ::headcount::__private::Out(
                        &__out,
                    )
                    .error()
                {
                    __call
                        .count_here(
                            __sites[1]
                                .row_with(
                                    &__partial_1,
                                    (
                                        __error,
                                        &{
                                            let error = __error;
                                            error.code()
                                        },
                                    ),
                                ),
                        );
                }
                __call
                    .end_with(
                        ::headcount::__private::Out(&__out).outcome(),
                        match ::headcount::__private::Out(&__out).error() {
                            ::headcount::__private::Option::Some(__error) => {
                                (match __error {
                                    Error::Lost(n) if *n > 3 => 1,
                                    _ => 0,
                                })
                            }
                            ::headcount::__private::Option::None => 0,
                        },
                    );
                __out
            }
        }
    "#]]
    .assert_eq(&print(combine::finish(entries, item)));
}

#[test]
fn declared_metrics_and_conditions() {
    let entries = quote!(
        counted(metric = |outcome| calls(queue, outcome)),
        timed(metric = LATENCY, when = sampled()),
        counted(name = "jobs_total", labels(n: Kind = kind(queue)), when = sampled())
    );
    let item = quote!(
        fn run(queue: &str) -> u8 {
            work(queue)
        }
    );
    expect![[r#"
        fn run(queue: &str) -> u8 {
            {
                let __call = {
                    let __sites = {
                        static __SLOTS: [::headcount::__private::Slot; 1] = [::headcount::__private::Slot::NEW; 1];
                        static __SITES: [::headcount::__private::Site; 1] = [
                            ::headcount::__private::Site::metric(
                                &__SLOTS[0],
                                ::headcount::__private::Descriptor::new(
                                        ::headcount::__private::Kind::Calls,
                                        "jobs_total",
                                        ::headcount::__private::concat!(
                                            "Calls of `", ::headcount::__private::module_path!(),
                                            "::run`."
                                        ),
                                        ::headcount::__private::file!(),
                                        ::headcount::__private::line!(),
                                    )
                                    .generated_help()
                                    .labels(
                                        &[
                                            ::headcount::__private::Label::Of(
                                                "n",
                                                {
                                                    use ::headcount::__private::NoValues as _;
                                                    ::headcount::__private::Values::<Kind>::ALL
                                                },
                                            ),
                                        ],
                                    ),
                            ),
                        ];
                        ::headcount::__private::inventory::submit! {
                            ::headcount::__private::Sites(& __SITES)
                        }
                        &__SITES
                    };
                    let __when_0: ::headcount::__private::bool = sampled();
                    let __when_1: ::headcount::__private::bool = sampled();
                    ::headcount::__private::unlooked((
                        ::headcount::__private::counted_on_each(|outcome| calls(queue, outcome)),
                        ::headcount::__private::When(
                            __when_0,
                            ::headcount::__private::timed_on(LATENCY),
                        ),
                        ::headcount::__private::When(
                            __when_1,
                            ::headcount::__private::Calls(
                                if __when_1 {
                                    {
                                        let __label_0: &Kind = &kind(queue);
                                        __sites[0].row((__label_0,))
                                    }
                                } else {
                                    ::headcount::__private::DROPPED
                                },
                            ),
                        ),
                    ))
                };
                {
                    work(queue)
                }
            }
        }
    "#]]
    .assert_eq(&print(combine::finish(entries, item)));
}

#[test]
fn a_name_of_parts_and_buckets_by_rule() {
    let args = quote!(
        namespace = NAMESPACE,
        name = "step_seconds",
        buckets = hc::exponential_buckets::<8>(0.001, 2.0)
    );
    expect![[r#"
        fn step() {
            {
                let __call = {
                    static __NANOS_0: [::headcount::__private::u64; hc::exponential_buckets::<
                        8,
                    >(0.001, 2.0)
                        .len()] = ::headcount::__private::nanos(
                        &hc::exponential_buckets::<8>(0.001, 2.0),
                    );
                    static __SLOTS: [::headcount::__private::Slot; 1] = [::headcount::__private::Slot::NEW; 1];
                    static __SITES: [::headcount::__private::Site; 1] = [
                        ::headcount::__private::Site::metric(
                            &__SLOTS[0],
                            ::headcount::__private::Descriptor::new(
                                    ::headcount::__private::Kind::Durations,
                                    ::headcount::__private::name(
                                        ::headcount::__private::Kind::Durations,
                                        ::headcount::__private::joined_text(const {
                                            &::headcount::__private::joined::<
                                                {
                                                    ::headcount::__private::joined_len(
                                                        &[NAMESPACE, "step_seconds"],
                                                    )
                                                },
                                            >(&[NAMESPACE, "step_seconds"])
                                        }),
                                    ),
                                    ::headcount::__private::concat!(
                                        "Duration of calls of `",
                                        ::headcount::__private::module_path!(), "::step`."
                                    ),
                                    ::headcount::__private::file!(),
                                    ::headcount::__private::line!(),
                                )
                                .generated_help()
                                .nanos(&__NANOS_0),
                        ),
                    ];
                    ::headcount::__private::inventory::submit! {
                        ::headcount::__private::Sites(& __SITES)
                    }
                    ::headcount::__private::scope(
                        ::headcount::__private::Durations(__SITES[0].slot(), &__NANOS_0),
                    )
                };
                { }
            }
        }
    "#]]
    .assert_eq(&print(combine::attribute(
        Attribute::Timed,
        args,
        quote!(
            fn step() {}
        ),
    )));
}

#[test]
fn a_block() {
    let item = quote!(
        impl<T> Shop<T> {
            const OPEN: bool = true;
            #[inline]
            fn sell(&self) {
                typing a +
            }
            const fn shelf() -> u8 {
                3
            }
        }
    );
    let covered = combine::attribute(Attribute::Counted, quote!(prefix = "shop"), item);
    expect![[r#"impl < T > Shop < T > { const OPEN : bool = true ; # [inline] # [:: headcount :: __private :: finish (inherited ("Shop" counted (prefix = "shop")))] fn sell (& self) { typing a + } const fn shelf () -> u8 { 3 } }"#]].assert_eq(&covered.to_string());
}
