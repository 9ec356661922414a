import Testing

@testable import Certification

struct TemperatureTests {
    @Test(arguments: [0.5, 1, 2.5])
    func `the temperature that items were drawn with is found again`(value: Double) {
        var generator = SeededGenerator(seed: 11)
        let temperature = Temperature(value)
        let items = (0..<20_000).map { number in
            let confidence = Double.random(in: 0.5..<0.999, using: &generator)
            let agrees = Double.random(in: 0..<1, using: &generator) < temperature.calibrated(confidence)
            return Observation(hash: UInt64(number), confidence: confidence, agrees: agrees)
        }
        #expect(abs(Temperature(fitting: items).value - value) < 0.1 * value)
    }

    @Test func `a few items that all agree do not give certainty`() {
        let items = (0..<50).map { Observation(hash: $0, confidence: 0.5 + Double($0) / 100, agrees: true) }
        let temperature = Temperature(fitting: items)
        let mean = items.reduce(0) { $0 + temperature.calibrated($1.confidence) } / 50
        // (50 + 1) / (50 + 2), spread by confidence
        #expect((0.9...0.99).contains(mean))
    }

    @Test func `calibration keeps the order, and can be undone`() {
        let temperature = Temperature(1.7)
        let confidences = stride(from: 0.5, through: 0.9999, by: 0.01)
        let calibrated = confidences.map(temperature.calibrated)
        #expect(calibrated == calibrated.sorted())
        for (confidence, calibrated) in zip(confidences, calibrated) {
            #expect(abs(temperature.confidence(of: calibrated) - confidence) < 1e-12)
        }
    }

    @Test func `confidences of 0 and 1, and an empty set, have a temperature`() {
        let sure = (0..<10).map { Observation(hash: $0, confidence: 1, agrees: true) }
        #expect(Temperature(fitting: sure).value.isFinite)
        #expect(Temperature(fitting: []).value.isFinite)
        #expect(Temperature(1).calibrated(1) < 1)
        #expect(Temperature(5).confidence(of: 0.9999) < 1)
    }
}
