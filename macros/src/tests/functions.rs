//! Expansions of functions, formatted. A changed expansion fails here.
//!
//! `UPDATE_EXPECT=1 cargo test -p headcount-macros` updates what is expected.

#![expect(clippy::needless_raw_string_hashes, reason = "so they are written by `UPDATE_EXPECT`")]
#![expect(clippy::too_many_lines, reason = "an expansion is as long as it is")]

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;

use crate::attributes::combine as finish;
use crate::attributes::metric;
use crate::kind::Attribute;

pub(crate) fn print(tokens: TokenStream) -> String {
    let text = tokens.to_string();
    match syn::parse2(tokens) {
        Ok(file) => prettyplease::unparse(&file),
        Err(error) => format!("{error}: {text}"),
    }
}

fn counted(args: TokenStream, item: TokenStream, expected: &Expect) {
    expected.assert_eq(&print(finish::attribute(Attribute::Counted, args, item)));
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
                    ::headcount::__private::scope(__SITE.recorder())
                };
                {
                    n += 1;
                    tick(n).await
                }
            }
        }
    "#]]
    .assert_eq(&print(finish::attribute(Attribute::Timed, args, item)));
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
                    ::headcount::__private::scope(__SITE.recorder())
                };
                {
                    self.get(a, b)
                }
            }
        }
    "#]]
    .assert_eq(&print(finish::attribute(Attribute::InProgress, quote!(), item.clone())));
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
                    ::headcount::__private::unlooked(__SITE.recorder())
                };
                let __arg1 = __arg1;
                let (a, mut b) = __arg1;
                {
                    self.get(a, b)
                }
            }
        }
    "#]]
    .assert_eq(&print(finish::attribute(Attribute::CountExceptions, quote!(), item)));
}

#[test]
fn all_four_share_one_guard() {
    let item = quote!(
        async fn handle(request: Request) -> Result<Response, Error> {
            respond(request).await
        }
    );
    expect![[r#"
        async fn handle(request: Request) -> Result<Response, Error> {
            {
                let __ended = ::headcount::__private::ended();
                let __noted = &__ended;
                let __recorders = {
                    struct __Here;
                    static __SITE: ::headcount::__private::FunctionSite<121> = ::headcount::__private::FunctionSite::new::<
                        __Here,
                    >(&__SITE, ::headcount::__private::module_path!());
                    ::headcount::__private::inventory::submit! {
                        __SITE.sites()
                    }
                    __SITE.recorder()
                };
                let (__call, __out) = ::headcount::__private::watch_until(
                        async move {
                            {
                                if false {
                                    let __r: ::headcount::__private::Box<
                                        Result<Response, Error>,
                                    > = ::headcount::__private::never();
                                    return *__r;
                                }
                                if false {
                                    let _ = &request;
                                }
                                let __stop = ::headcount::__private::stop(__noted);
                                {
                                    respond(request).await
                                }
                            }
                        },
                        __recorders,
                        __noted,
                    )
                    .await;
                __call.end(::headcount::__private::Out(&__out).outcome());
                __out
            }
        }
    "#]]
    .assert_eq(&print(finish::finish(
        quote!(counted(), timed(outcome), in_progress(), count_exceptions()),
        item,
    )));
}

#[test]
fn the_fullest_form() {
    let item = quote!(
        fn run(job: &Job, tenant: &str) -> Outcome {
            job.run(tenant)
        }
    );
    let entries = quote!(
        counted(
            name = "jobs_total",
            help = "Jobs run.",
            labels(queue = job.queue(), tenant, kind = "batch", size = job.a + job.b),
            outcome,
            error_if = |outcome| outcome.failed(),
            crate = my::headcount
        ),
        timed(name = "job_seconds", buckets = [0.01, 1, 10], unit = "seconds"),
        timed(
            name = "job_tenant_seconds",
            buckets = BOUNDS,
            labels(tenant),
            outcome,
            error_if = |outcome| outcome.failed()
        ),
        in_progress(name = "jobs_running", labels(tenant)),
        count_exceptions(name = "job_crashes_total")
    );
    expect![[r#"
        fn run(job: &Job, tenant: &str) -> Outcome {
            {
                if false {
                    my::headcount::__private::plain(
                        (&my::headcount::__private::Probe::<Outcome>::NEW).kind(),
                    )
                }
                let (__call_0, __call_1) = {
                    let (__sites, __nanos_1, __nanos_2) = {
                        static __NANOS_1: [my::headcount::__private::u64; 3] = my::headcount::__private::nanos(
                            &[0.01, 1.0, 10.0],
                        );
                        static __NANOS_2: [my::headcount::__private::u64; BOUNDS.len()] = my::headcount::__private::nanos(
                            &BOUNDS,
                        );
                        static __SLOTS: [my::headcount::__private::Slot; 5] = [my::headcount::__private::Slot::NEW; 5];
                        static __SITES: [my::headcount::__private::Site; 5] = [
                            my::headcount::__private::Site::metric(
                                &__SLOTS[0],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::Calls,
                                        "jobs_total",
                                        "Jobs run.",
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .labels(
                                        &[
                                            my::headcount::__private::Label::Open("queue"),
                                            my::headcount::__private::Label::Open("tenant"),
                                            my::headcount::__private::Label::Const("kind", "batch"),
                                            my::headcount::__private::Label::Open("size"),
                                        ],
                                    )
                                    .outcome(),
                            ),
                            my::headcount::__private::Site::metric(
                                &__SLOTS[1],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::Durations,
                                        "job_seconds",
                                        my::headcount::__private::concat!(
                                            "Duration of calls of `",
                                            my::headcount::__private::module_path!(), "::run`."
                                        ),
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .generated_help()
                                    .unit("seconds")
                                    .nanos(&__NANOS_1),
                            ),
                            my::headcount::__private::Site::metric(
                                &__SLOTS[2],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::Durations,
                                        "job_tenant_seconds",
                                        my::headcount::__private::concat!(
                                            "Duration of calls of `",
                                            my::headcount::__private::module_path!(), "::run`."
                                        ),
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .generated_help()
                                    .labels(&[my::headcount::__private::Label::Open("tenant")])
                                    .outcome()
                                    .nanos(&__NANOS_2),
                            ),
                            my::headcount::__private::Site::metric(
                                &__SLOTS[3],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::InProgress,
                                        "jobs_running",
                                        my::headcount::__private::concat!(
                                            "Calls in progress of `",
                                            my::headcount::__private::module_path!(), "::run`."
                                        ),
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .generated_help()
                                    .labels(&[my::headcount::__private::Label::Open("tenant")]),
                            ),
                            my::headcount::__private::Site::metric(
                                &__SLOTS[4],
                                my::headcount::__private::Descriptor::new(
                                        my::headcount::__private::Kind::Exceptions,
                                        "job_crashes_total",
                                        my::headcount::__private::concat!(
                                            "Errors and panics of `",
                                            my::headcount::__private::module_path!(), "::run`."
                                        ),
                                        my::headcount::__private::file!(),
                                        my::headcount::__private::line!(),
                                    )
                                    .generated_help(),
                            ),
                        ];
                        my::headcount::__private::inventory::submit! {
                            my::headcount::__private::Sites(& __SITES)
                        }
                        (&__SITES, &__NANOS_1, &__NANOS_2)
                    };
                    (
                        my::headcount::__private::enter((
                            my::headcount::__private::Outcomes({
                                let __label_0 = &job.queue();
                                let __label_1 = &tenant;
                                let __label_2 = &(job.a + job.b);
                                __sites[0].row((__label_0, __label_1, __label_2))
                            }),
                            my::headcount::__private::Durations(__sites[1].slot(), __nanos_1),
                            my::headcount::__private::OutcomeDurations(
                                {
                                    let __label_0 = &tenant;
                                    __sites[2].row((__label_0,))
                                },
                                __nanos_2,
                            ),
                            my::headcount::__private::InProgress({
                                let __label_0 = &tenant;
                                __sites[3].row((__label_0,))
                            }),
                        )),
                        my::headcount::__private::enter(
                            my::headcount::__private::Exceptions::<96>(__sites[4].slot()),
                        ),
                    )
                };
                #[allow(clippy::result_large_err)]
                let __out = my::headcount::__private::call_once(move || -> my::headcount::__private::Same<
                    Outcome,
                > {
                    job.run(tenant)
                });
                __call_1.end(my::headcount::__private::Out(&__out).outcome());
                __call_0
                    .end(my::headcount::__private::error_if(&__out, |outcome| outcome.failed()));
                __out
            }
        }
    "#]].assert_eq(&print(finish::finish(entries, item)));
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
    .assert_eq(&print(finish::attribute(Attribute::Counted, quote!(outcome), item)));
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
    .assert_eq(&print(finish::attribute(Attribute::Counted, quote!(), item)));
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
    .assert_eq(&print(finish::attribute(Attribute::Counted, quote!(outcome), item)));
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
                    ::headcount::__private::unlooked(__SITE.recorder())
                };
                { }
            }
        }
    "#]]
    .assert_eq(&print(finish::attribute(Attribute::Timed, quote!(), item)));
}

#[test]
fn a_metric() {
    let item = quote!(
        /// Jobs taken
        /// from the queue.
        ///
        /// Not those that were sent back.
        pub(crate) static TAKEN: Counter;
    );
    expect![[r#"
        /// Jobs taken
        /// from the queue.
        ///
        /// Not those that were sent back.
        pub(crate) static TAKEN: Counter = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                        ::headcount::__private::kind_of::<Counter>(),
                        "jobs_taken_total",
                        "Jobs taken from the queue.",
                        ::headcount::__private::file!(),
                        ::headcount::__private::line!(),
                    ),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<Counter>(&__SITES[0])
        };
    "#]]
    .assert_eq(&print(metric::attribute(quote!(name = "jobs_taken_total"), item)));
    let args = quote!(
        name = "answer_bytes",
        help = "Sizes.",
        unit = "bytes",
        buckets = [1, 10.5],
        crate = my::headcount
    );
    expect![[r#"
        static SIZES: Histogram = {
            static __SLOTS: [my::headcount::__private::Slot; 1] = [
                my::headcount::__private::Slot::NEW,
            ];
            static __SITES: [my::headcount::__private::Site; 1] = [
                my::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    my::headcount::__private::Descriptor::new(
                            my::headcount::__private::kind_of::<Histogram>(),
                            "answer_bytes",
                            "Sizes.",
                            my::headcount::__private::file!(),
                            my::headcount::__private::line!(),
                        )
                        .unit("bytes")
                        .bounds(&[1.0, 10.5]),
                ),
            ];
            my::headcount::__private::inventory::submit! {
                my::headcount::__private::Sites(& __SITES)
            }
            my::headcount::__private::at::<Histogram>(&__SITES[0])
        };
    "#]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static SIZES: Histogram;
        ),
    )));
    let args = quote!(name = "queue_depth", help = "Waiting.", mode = "livesum");
    expect![[r#"
        static DEPTH: hc::Gauge = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<hc::Gauge>(),
                            "queue_depth",
                            "Waiting.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .mode(::headcount::__private::GaugeMode::LiveSum),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<hc::Gauge>(&__SITES[0])
        };
    "#]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static DEPTH: hc::Gauge;
        ),
    )));
}

#[test]
fn an_info_a_state_set_and_constants_in_names() {
    let args = quote!(
        name = "shop_info",
        help = "The shop.",
        labels(version = env!("CARGO_PKG_VERSION"), floors = 3)
    );
    expect![[r##"
        #[used]
        static SHOP: Info = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<Info>(),
                            "shop_info",
                            "The shop.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .labels(
                            &[
                                ::headcount::__private::Label::Const(
                                    "version",
                                    env!("CARGO_PKG_VERSION"),
                                ),
                                ::headcount::__private::Label::Const("floors", "3"),
                            ],
                        ),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<Info>(&__SITES[0])
        };
    "##]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static SHOP: Info;
        ),
    )));
    let args =
        quote!(namespace = "shop", name = "phase", help = "Phases.", mode = "livemostrecent");
    expect![[r#"
        fn phase(floor: u8) -> StateSet<Phase> {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<StateSet<Phase>>(),
                            "shop_phase",
                            "Phases.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .labels(&[::headcount::__private::Label::Open("floor")])
                        .states(::headcount::__private::states_of::<StateSet<Phase>>())
                        .mode(::headcount::__private::GaugeMode::LiveMostRecent),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            let __label_0 = &floor;
            ::headcount::__private::member::<StateSet<Phase>>(&__SITES[0], (__label_0,))
        }
    "#]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            fn phase(floor: u8) -> StateSet<Phase>;
        ),
    )));
    let args = quote!(
        namespace = crate::NAMESPACE,
        subsystem = "till",
        name = "sold_bytes",
        help = "Sold.",
        buckets = hc::linear_buckets::<4>(0.0, 5.0)
    );
    expect![[r#"
        static SOLD: Histogram = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<Histogram>(),
                            ::headcount::__private::name(
                                ::headcount::__private::kind_of::<Histogram>(),
                                ::headcount::__private::joined_text(const {
                                    &::headcount::__private::joined::<
                                        {
                                            ::headcount::__private::joined_len(
                                                &[crate::NAMESPACE, "till", "sold_bytes"],
                                            )
                                        },
                                    >(&[crate::NAMESPACE, "till", "sold_bytes"])
                                }),
                            ),
                            "Sold.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .bounds(
                            ::headcount::__private::bounds(const {
                                &hc::linear_buckets::<4>(0.0, 5.0)
                            }),
                        ),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<Histogram>(&__SITES[0])
        };
    "#]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static SOLD: Histogram;
        ),
    )));
    let args = quote!(name = "till_depth", help = "Depth.", mode = "mostrecent", labels(a = B));
    expect![[r##"
        #[used]
        static DEPTH: Renamed = {
            static __SLOTS: [::headcount::__private::Slot; 1] = [
                ::headcount::__private::Slot::NEW,
            ];
            static __SITES: [::headcount::__private::Site; 1] = [
                ::headcount::__private::Site::metric(
                    &__SLOTS[0],
                    ::headcount::__private::Descriptor::new(
                            ::headcount::__private::kind_of::<Renamed>(),
                            ::headcount::__private::name(
                                ::headcount::__private::kind_of::<Renamed>(),
                                "till_depth",
                            ),
                            "Depth.",
                            ::headcount::__private::file!(),
                            ::headcount::__private::line!(),
                        )
                        .labels(
                            ::headcount::__private::info_labels(
                                ::headcount::__private::kind_of::<Renamed>(),
                                &[::headcount::__private::Label::Const("a", B)],
                            ),
                        )
                        .states(::headcount::__private::states_of::<Renamed>())
                        .mode(::headcount::__private::GaugeMode::MostRecent)
                        .default_bounds(),
                ),
            ];
            ::headcount::__private::inventory::submit! {
                ::headcount::__private::Sites(& __SITES)
            }
            ::headcount::__private::at::<Renamed>(&__SITES[0])
        };
    "##]]
    .assert_eq(&print(metric::attribute(
        args,
        quote!(
            static DEPTH: Renamed;
        ),
    )));
}

#[test]
fn a_mistake_leaves_the_function_as_it_was() {
    counted(
        quote!(nam = "x"),
        quote!(#[inline] fn f() { 1 + }),
        &expect![[
            r#"unexpected end of input, expected an expression: compile_error ! { "there is no key `nam` (did you mean `name`?); `#[counted]` takes `name`, `namespace`, `subsystem`, `help`, `unit`, `labels`, `utf8_names`, `max_series`, `idle_timeout`, `metric`, `prefix`, `outcome`, `error_if`, `when`, `future`, `crate`" } # [inline] fn f () { 1 + }"#
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
