//! `betti-ctl logs`: the last lines of each file, then what is added.

use manifest::targets::Named;
use protocol::control::LogSource;

use super::Context;
use crate::arguments;
use crate::exit::{Exit, Failure, Outcome};
use crate::logs::{Kind, Stream, follow, streams};
use crate::names;

/// Shows what apps wrote.
pub async fn run(arguments: &arguments::Logs, context: &Context<'_>) -> Outcome {
    let sources = context.client()?.logs().await?;
    let meant = names::meant(&sources, &arguments.apps, named).map_err(Failure::failed)?;
    let mut streams = streams(&meant, kinds(arguments), context.printer);
    for stream in &mut streams {
        stream.show_last(arguments.lines, context.printer).map_err(|why| unreadable(stream, &why))?;
        if !arguments.follow {
            stream.finish(context.printer);
        }
    }
    if arguments.follow {
        follow(&mut streams, context.printer).await.map_err(|why| Failure::failed(why.to_string()))?;
    }
    Ok(Exit::Done)
}

fn named(source: &LogSource) -> Named<'_> {
    Named { id: source.id, name: &source.name, namespace: &source.namespace }
}

const fn kinds(arguments: &arguments::Logs) -> &'static [Kind] {
    match (arguments.out, arguments.err) {
        (true, false) => &[Kind::Out],
        (false, true) => &[Kind::Error],
        _ => &[Kind::Out, Kind::Error],
    }
}

fn unreadable(stream: &Stream, why: &std::io::Error) -> Failure {
    Failure::failed(format!("{}: {why}", stream.path().display()))
}
