import BuiltInCatalog
import Contracts
import Settings
import Testing
import WorkerKit

struct WorkerSettingsTests {
    @Test func `a worker's names follow from its capability`() throws {
        var reader = SettingsReader(environment: [:])
        let settings = try WorkerSettings(&reader, capability: .legalServices)
        #expect(settings.service == "legal-services-worker")
        #expect(settings.topic(.interactive) == "winnow.steps.legal-services.v1")
        #expect(settings.group(.interactive) == "winnow.legal-services-worker")
        #expect(settings.topic(.bulk) == "winnow.bulk-steps.legal-services.v1")
        #expect(settings.group(.bulk) == "winnow.legal-services-worker.bulk")
        #expect(settings.models.directory == "infra/models")
        #expect(settings.shadowRate == 0.01)
    }

    @Test func `the models are where the environment says`() {
        var reader = SettingsReader(environment: ["WINNOW_MODELS_DIRECTORY": "/elsewhere"])
        let models = ModelSettings(&reader)
        #expect(models.model(named: "security-services") == "/elsewhere/security-services")
        #expect([models.fullModel, models.router] == ["full", "router"].map { "/elsewhere/" + $0 })
    }
}
