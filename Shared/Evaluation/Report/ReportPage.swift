/// Renders the report as one self-contained page: it loads no script, font or picture.
public enum ReportPage {
    public static func html(_ report: Report) -> String {
        let page: HTML = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"/>\
            <meta name="viewport" content="width=device-width, initial-scale=1"/>\
            <title>Winnow: what it answers and what it saves</title><style>\(style)</style></head><body><main>\
            \(head(report))
            \(summary(report))
            \(mix(report))
            \(table(report))
            \(policies(report))
            \(curves(report))
            \(reliability(report))
            \(method(report))</main></body></html>

            """
        return page.text
    }

    private static func section(_ title: HTML, _ content: HTML) -> HTML {
        "<section><h2>\(title)</h2>\(content)</section>"
    }

    private static func head(_ report: Report) -> HTML {
        """
        <header><h1>What Winnow answers, and what it saves</h1><p class="quiet">\(report.source.date). \
        \(report.overall.items) labelled items of \(report.tasks.count) tasks, from \(report.source.file).</p></header>
        """
    }

    private static func summary(_ report: Report) -> HTML {
        let overall = report.overall
        guard let suite = report.policies.figures[.suite] else { return "" }
        func figure(_ figure: Figure, _ words: HTML) -> HTML {
            """
            <div><strong>\(Markup.percent(figure.value))</strong><span>\(words)</span>\
            <small>95% interval \(Markup.range(figure, Markup.percent))</small></div>
            """
        }
        let computeSaved = Figure(
            value: 1 - suite.computeShare.value, low: 1 - suite.computeShare.high, high: 1 - suite.computeShare.low)
        let loss = (overall.accuracy[.full]?.value ?? .nan) - (overall.accuracy[.suite]?.value ?? .nan)
        let words =
            loss > 0.0005
            ? "Winnow is right \(Markup.fixed(loss * 100, digits: 1)) points less often than the full model alone."
            : "Winnow is right as often as the full model alone."
        return """
            <section class="key">\
            \(figure(overall.agreement, "of answers equal the full model's answers"))\
            \(figure(computeSaved, "of the full model's compute saved"))\
            \(figure(suite.saved, "of its cost saved, asked item by item"))</section>\
            <p class="lead">Small models answered \(Markup.percent(1 - overall.escalation.value)) of the items themselves. \
            The full model was asked about the others. The certificates accept \
            \(Markup.percent(overall.promisedAgreement.value)) of answers as the full model's. \
            \(words)\(unanswered(overall))\(rejected(report.source))</p>
            """
    }

    private static func rejected(_ source: Report.Source) -> String {
        source.rejected == 0 ? "" : " \(source.rejected) rows were rejected and are omitted."
    }

    private static func unanswered(_ part: Report.Part) -> String {
        part.unanswered == 0 ? "" : " \(part.unanswered) items had no answer in time and count as wrong."
    }

    private static func mix(_ report: Report) -> HTML {
        section(
            "The mix",
            """
            <p>Items of each task. The right end of a bar shows the items that the full model answered.</p>\
            <figure>\(ReportCharts.mix(report.tasks))</figure>
            """)
    }

    private static func table(columns: [HTML], rows: [HTML]) -> HTML {
        """
        <div class="wide"><table><thead><tr>\(columns.map { #"<th scope="col">\#($0)</th>"# as HTML })</tr></thead>\
        <tbody>\(rows)</tbody></table></div>
        """
    }

    private static func row(_ name: String, isAll: Bool, _ cells: [HTML]) -> HTML {
        """
        <tr class="\(isAll ? "all" : "task")"><th scope="row">\(name)</th>\(cells.map { "<td>\($0)</td>" as HTML })</tr>
        """
    }

    private static func table(_ report: Report) -> HTML {
        let none = Figure(value: .nan, low: .nan, high: .nan)
        func row(_ part: Report.Part, isAll: Bool = false) -> HTML {
            let figures = [
                part.accuracy[.suite], part.accuracy[.full], part.accuracy[.small], part.agreement,
                part.promisedAgreement, part.escalation, part.computeShare,
            ]
            return Self.row(
                part.name, isAll: isAll, ["<b>\(part.items)</b>"] + figures.map { Markup.interval($0 ?? none) })
        }
        let table = table(
            columns: [
                "task", "items", "right: Winnow", "right: full model", "right: small model", "as the full model",
                "as promised", "escalated", "compute",
            ], rows: report.tasks.map { row($0) } + [row(report.overall, isAll: true)])
        return section(
            "Task by task",
            """
            \(table)<p class="quiet">All intervals are 95%. As promised: the full model's label, or a label that \
            the task's certificate accepts as equal where the full model itself is undecided. Compute is the share of \
            the operations that the full model alone would need.</p>
            """)
    }

    private static func policies(_ report: Report) -> HTML {
        let rows = Policy.allCases.compactMap { policy -> HTML? in
            guard let figures = report.policies.figures[policy] else { return nil }
            let money: HTML = """
                <b>\(Markup.dollars(figures.cost.value))</b> <small>\(Markup.range(figures.cost, Markup.dollars))</small>
                """
            return row(
                policy.rawValue, isAll: policy == .suite,
                [figures.accuracy, figures.agreement, figures.computeShare].map(Markup.interval) + [
                    money, Markup.interval(figures.saved), Markup.interval(figures.savedOnOnce),
                ])
        }
        let gain = report.policies.gain
        func sentence(_ figure: Figure, _ what: String) -> String {
            let points = { (share: Double) in Markup.fixed(share * 100, digits: 1) }
            let verdict =
                figure.low > 0
                ? "which chance does not explain"
                : figure.high < 0 ? "which is worse than chance" : "which chance may explain"
            return "\(points(figure.value)) points of \(what) (\(Markup.range(figure, points))), \(verdict)"
        }
        let table = table(
            columns: [
                "who answers", "right", "as the full model", "compute", "USD a million items", "saved: item by item",
                "saved: request once",
            ], rows: rows)
        return section(
            "Does the choice of items matter, or only their number?",
            """
            <p>A system that escalates must beat a system that escalates as many items at random. Winnow gains \
            \(sentence(gain.agreement, "agreement")), and \(sentence(gain.accuracy, "accuracy")).</p>\(table)\
            <p class="quiet">Saved: the cost of the full model alone minus the actual cost. The full model is asked item \
            by item, or once for all items of a request. Items without an answer and degraded items save nothing.</p>
            """)
    }

    private static func curves(_ report: Report) -> HTML {
        let small = report.tasks.map { task -> HTML in
            "<figure><figcaption>\(task.name)\(recovered(task))</figcaption>\(ReportCharts.curve(task))</figure>"
        }
        return section(
            "What compute buys",
            """
            <p>As the threshold rises, more items escalate, and more answers equal the full model's. The line shows \
            agreement with the full model when items escalate by the small models' confidence. The pale line shows the \
            share of right answers, and the dashed line agreement when items escalate at random.\(recovered(report.overall))</p>\
            <p class="legend"><span><i class="suite">◯</i> Winnow, as it ran</span> \
            <span><i class="small">●</i> always the small model</span> \
            <span><i class="full">●</i> always the full model</span></p>\
            <figure>\(ReportCharts.curve(report.overall, wide: true))</figure><div class="grid2">\(small)</div>
            """)
    }

    private static func recovered(_ part: Report.Part) -> HTML {
        let share = part.curve.recovered
        guard !share.isNaN else { return "" }
        return #" <span class="quiet">Recovered on average: \#(Markup.percent(share)), at random 50%.</span>"#
    }

    private static func reliability(_ report: Report) -> HTML {
        let plots = report.tasks.map { task -> HTML in
            """
            <figure><figcaption>\(task.name) <span class="quiet">calibration error \
            \(Markup.percent(task.reliability.error)), \(groups(task.reliability))</span></figcaption>\
            \(ReportCharts.reliability(task))</figure>
            """
        }
        return section(
            "Is the confidence reliable?",
            """
            <p>The items are in ten groups by the small model's confidence. On the dashed line, confidence equals the \
            share that agrees with the full model. The pale line shows the share of right answers.</p>\
            <div class="grid2">\(plots)</div>
            """)
    }

    /// `10 groups of 50 items`, or `10 groups of 33 to 34 items`.
    private static func groups(_ reliability: Reliability) -> String {
        let sizes = reliability.bins.map(\.items)
        guard let least = sizes.min(), let most = sizes.max() else { return "no items" }
        return "\(sizes.count) groups of \(least == most ? "\(least)" : "\(least) to \(most)") items"
    }

    private static func method(_ report: Report) -> HTML {
        section(
            "How it was measured",
            """
            <div class="method"><p>Every item went through the running suite in machine requests of eight. The small and the full model were also run alone on the same items. \
            Intervals of shares of items are Wilson's (1927). Intervals of compute, price, differences and the random control are the middle 95% of 1,000 draws of \
            whole requests (Efron 1979), with the seed \("\(PolicyBootstrap.seed)"). The random control escalates exactly as many items of each task as Winnow did, \
            chosen again for each of 1,000 draws. Its value is their mean. Compute counts the operations of matrix products. The compute of the full model alone is measured here; \
            the ledger and <code>winnow evaluate</code> estimate it a few percent high. Background checks and the cost of the platform itself are not included (<code>winnow costs</code> shows the latter). Prices are the current ones, for the tokens that each model \
            read. The recovered share is RouteLLM's APGR (arXiv:2406.18665) with agreement as the quality. The calibration error is ECE with groups of equal size (Guo 2017).</p>\
            <p>Models: \(report.source.models.joined(separator: ", ")).<br/>File: \(report.source.file), SHA-256 \
            <code>\(report.source.sha256)</code>.</p></div>
            """)
    }

    private static let style: HTML = """
        :root{--paper:#fff;--ink:#1c2321;--quiet:#66706c;--line:#d9dedb;--suite:#0a7d5a;--small:#c98a2b;--full:#2f4858;--guide:#9aa5a0}\
        @media(prefers-color-scheme:dark){:root{--paper:#141817;--ink:#e7ecea;--quiet:#9aa5a0;--line:#333c39;--suite:#4cc79a;--small:#e0a94e;--full:#9fc0d3;--guide:#66706c}}\
        *{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}\
        main{max-width:58rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}\
        h2{font-size:1.2rem;margin:2.6rem 0 .5rem}p{margin:.4rem 0 .8rem;max-width:44rem}.quiet,small{color:var(--quiet)}small{font-size:.78em;white-space:nowrap}\
        .lead{font-size:1.08rem}.key{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:1.2rem;margin:1.6rem 0 1.2rem}\
        .key div{border-top:3px solid var(--suite);padding-top:.6rem;display:flex;flex-direction:column}.key strong{font-size:2.3rem;line-height:1.1;letter-spacing:-.02em}\
        .key span{margin:.2rem 0}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:right;padding:.4rem .55rem;border-bottom:1px solid var(--line);vertical-align:top}\
        th{font-weight:500}thead th{color:var(--quiet);font-size:.82rem;vertical-align:bottom}th:first-child{text-align:left;padding-left:0}td b{font-weight:600}td small{display:block}\
        tr.all th,tr.all td{border-bottom:0;background:color-mix(in srgb,var(--suite) 9%,transparent);font-weight:600}figure{margin:0}figcaption{font-size:.9rem;font-weight:600;margin:.6rem 0 .1rem}figcaption .quiet{font-weight:400;display:block;font-size:.82rem}\
        svg{width:100%;height:auto;display:block;max-width:44rem}.grid2{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.6rem 1.6rem}\
        svg text{font:11px system-ui,sans-serif;fill:var(--quiet)}svg text.label{fill:var(--ink);font-size:12px}.grid{stroke:var(--line);stroke-width:1}\
        polyline{fill:none;stroke-width:2;stroke-linejoin:round}.suite-line{stroke:var(--suite)}.small-line{stroke:var(--small)}.quiet-line{stroke:var(--small);opacity:.4;stroke-width:1.5}.pale-line{stroke:var(--suite);opacity:.4;stroke-width:1.5}.suite-ring{fill:none;stroke:var(--suite);stroke-width:2.5}\
        .legend{font-size:.85rem}.legend span{white-space:nowrap;margin-right:1rem}.legend i{font-style:normal}.suite{color:var(--suite)}.small{color:var(--small)}.full{color:var(--full)}\
        svg.mix{max-width:32rem}svg.overall{max-width:38rem}@media(max-width:40rem){svg.overall text{font-size:17px}svg.overall text.label{display:none}}\
        .guide{stroke:var(--guide);stroke-width:1.3;stroke-dasharray:4 4}\
        .suite-fill{fill:var(--suite)}.small-fill{fill:var(--small)}.full-fill{fill:var(--full)}.method{font-size:.82rem;color:var(--quiet)}.method p{max-width:none}code{font-size:.95em;overflow-wrap:anywhere}\
        @media print{:root{--paper:#fff;--ink:#000;--quiet:#555;--line:#ccc;--suite:#0a7d5a;--small:#b0741a;--full:#2f4858;--guide:#888}@page{margin:14mm}main{max-width:none;padding:0}figure,tr,.key{break-inside:avoid}h2{break-after:avoid}.wide{overflow:visible}table{font-size:8pt}th,td{padding:.3rem .3rem}}
        """
}
