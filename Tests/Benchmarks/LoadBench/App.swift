import Foundation
import Glibc
import KafkaBus
import Settings
import Telemetry

/// Puts a running suite under load and measures it from outside, like an integrator.
@main enum App {
    static func main() async {
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            var settings = SettingsReader()
            let kafka = try KafkaSettings(from: &settings)
            // Default: beside the repository. Key: WINNOW_DATA_DIRECTORY.
            let data = settings.string("WINNOW_DATA_DIRECTORY", default: "../shared/data")
            let requests = try Mix.requests(options.mix, options.requests, data: data, seed: options.seed)
            let link = try await SuiteLink(kafka, logger: Logger(service: "load-bench", level: .warning))
            let report =
                switch options.pace {
                case .completion(let inFlight): try await link.complete(requests, inFlight: inFlight)
                case .openLoop(let rate): try await link.offer(requests, perSecond: rate)
                }
            await link.close()
            print(report.json(options))
            exit(report.isWhole ? 0 : 1)
        } catch let error as UsageError {
            complain("\(error.message)\n\(Options.help)")
            exit(2)
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    private static func complain(_ text: String) {
        FileHandle.standardError.write(Data("LoadBench: \(text)\n".utf8))
    }
}
