import Telemetry
import Testing

@Suite struct MetricsTests {
    @Test func `each family has its help and type once, and families are in order`() {
        let metrics = Metrics()
        metrics.gauge("winnow_b", "B.").set(-2)
        metrics.counter("winnow_a_total", "A.", [("topic", "x")]).increment(by: 3)
        metrics.counter("winnow_a_total", "A.", [("topic", "y")]).increment()
        #expect(
            metrics.render() == """
                # HELP winnow_a_total A.
                # TYPE winnow_a_total counter
                winnow_a_total{topic="x"} 3
                winnow_a_total{topic="y"} 1
                # HELP winnow_b B.
                # TYPE winnow_b gauge
                winnow_b -2

                """)
    }

    @Test func `asking twice for one name and labels gives the same metric`() {
        let metrics = Metrics()
        metrics.counter("winnow_a_total", "A.", [("topic", "x")]).increment()
        metrics.counter("winnow_a_total", "A.", [("topic", "x")]).increment()
        #expect(metrics.render().contains("winnow_a_total{topic=\"x\"} 2\n"))
    }

    @Test func `a label's value cannot break out of its quotes`() {
        let metrics = Metrics()
        metrics.counter("winnow_a_total", "A.", [("a", "x\"} 9\nwinnow_b 1\\"), ("b", "größe")]).increment()
        #expect(
            metrics.render().hasSuffix("winnow_a_total{a=\"x\\\"} 9\\nwinnow_b 1\\\\\",b=\"größe\"} 1\n"))
    }

    @Test func `a histogram's buckets are cumulative and end with infinity`() {
        let metrics = Metrics()
        let histogram = metrics.histogram("winnow_d_seconds", "D.", [("stage", "model")])
        for duration in [Duration.microseconds(100), .milliseconds(3), .milliseconds(3), .seconds(31)] {
            histogram.observe(duration)
        }
        let lines = metrics.render().split(separator: "\n").map(String.init)
        let buckets = lines.filter { $0.contains("_bucket") }
        #expect(buckets.first == "winnow_d_seconds_bucket{stage=\"model\",le=\"0.0001\"} 1")
        #expect(buckets.contains("winnow_d_seconds_bucket{stage=\"model\",le=\"0.0025\"} 1"))
        #expect(buckets.contains("winnow_d_seconds_bucket{stage=\"model\",le=\"0.005\"} 3"))
        #expect(buckets.contains("winnow_d_seconds_bucket{stage=\"model\",le=\"30.0\"} 3"))
        #expect(buckets.last == "winnow_d_seconds_bucket{stage=\"model\",le=\"+Inf\"} 4")
        #expect(lines.contains("winnow_d_seconds_count{stage=\"model\"} 4"))
        #expect(lines.contains { $0.hasPrefix("winnow_d_seconds_sum{stage=\"model\"} 31.006") })
    }

    @Test func `a histogram without labels has only its bound`() {
        let metrics = Metrics()
        metrics.histogram("winnow_d_seconds", "D.").observe(.zero)
        #expect(metrics.render().contains("winnow_d_seconds_bucket{le=\"0.0001\"} 1\n"))
        #expect(metrics.render().contains("\nwinnow_d_seconds_count 1\n"))
    }

    @Test func `counting from many tasks loses nothing`() async {
        let metrics = Metrics()
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 { metrics.counter("winnow_a_total", "A.").increment() }
                }
            }
        }
        #expect(metrics.render().hasSuffix("winnow_a_total 8000\n"))
    }

    @Test func `a histogram may have buckets of its own`() {
        let metrics = Metrics()
        metrics.histogram("winnow_d_seconds", "D.", bounds: [1, 60]).observe(.seconds(30))
        #expect(metrics.render().contains("winnow_d_seconds_bucket{le=\"1.0\"} 0\n"))
        #expect(metrics.render().contains("winnow_d_seconds_bucket{le=\"60.0\"} 1\n"))
    }

    @Test func `a set of samples is replaced as a whole`() {
        let metrics = Metrics()
        let set = metrics.samples("winnow_s", "S.", type: .gauge)
        #expect(metrics.render() == "# HELP winnow_s S.\n# TYPE winnow_s gauge\n")
        set.replace(with: [([("lane", "bulk")], 2.5), ([("lane", "a\"b")], 1)])
        #expect(metrics.render().contains("winnow_s{lane=\"bulk\"} 2.5\nwinnow_s{lane=\"a\\\"b\"} 1.0\n"))
        set.replace(with: [([], 3)])
        #expect(metrics.render().hasSuffix("gauge\nwinnow_s 3.0\n"))
    }
}
