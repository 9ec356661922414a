import JSON

extension Report {
    /// - Shape: `{"file", "sha256", "rejected", "tasks": [{"task", "items", "suiteAccuracy", …}], "overall", "policies": [{"policy", "accuracy",
    ///   "agreement", "computeShare", "usdPerMillionItems", "saved", "savedOnOnce"}], "gain": {"accuracy", "agreement"}}`, each figure
    ///   `{"value", "low", "high"}`
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { body in
            body.member("file", source.file)
            body.member("sha256", source.sha256)
            body.member("rejected", source.rejected)
            body.name("tasks")
            body.array(tasks) { writer, part in writer.object { part.write(to: &$0) } }
            body.name("overall")
            body.object { overall.write(to: &$0) }
            body.name("policies")
            body.array(Policy.allCases) { writer, policy in
                writer.object { row in
                    row.member("policy", policy.rawValue)
                    guard let figures = policies.figures[policy] else { return }
                    row.figure("accuracy", figures.accuracy)
                    row.figure("agreement", figures.agreement)
                    row.figure("computeShare", figures.computeShare)
                    row.figure("usdPerMillionItems", figures.cost)
                    row.figure("saved", figures.saved)
                    row.figure("savedOnOnce", figures.savedOnOnce)
                }
            }
            body.name("gain")
            body.object { gain in
                gain.figure("accuracy", policies.gain.accuracy)
                gain.figure("agreement", policies.gain.agreement)
            }
        }
        return writer.bytes
    }
}

extension Report.Part {
    fileprivate func write(to body: inout JSONWriter) {
        body.member("task", name)
        body.member("items", items)
        body.member("unanswered", unanswered)
        for (name, policy) in [("suiteAccuracy", Policy.suite), ("fullAccuracy", .full), ("smallAccuracy", .small)] {
            if let figure = accuracy[policy] { body.figure(name, figure) }
        }
        body.figure("agreement", agreement)
        body.figure("promisedAgreement", promisedAgreement)
        body.figure("smallAgreement", smallAgreement)
        body.figure("escalationRate", escalation)
        body.figure("computeShare", computeShare)
        body.name("recovered")
        body.double(curve.recovered)
        body.name("calibrationError")
        body.double(reliability.error)
    }
}

extension JSONWriter {
    fileprivate mutating func figure(_ name: String, _ figure: Figure) {
        self.name(name)
        figure.write(to: &self) { $0.double($1) }
    }
}
