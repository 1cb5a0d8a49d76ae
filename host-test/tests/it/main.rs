//! The host, judged from outside: one file for each chapter of the specification, guests in text form.

mod buffers;
mod command_line;
mod configuration;
mod context_lifecycle;
mod failures;
mod foreign_functions;
mod grpc_calls;
mod guests;
mod http_calls;
mod http_fields;
mod integration;
mod properties;
mod shared_data;
mod shared_queues;
mod streams;
mod timers_and_metrics;
mod wasi;
