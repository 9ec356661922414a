import CKernels
import COneDNN

/// One int8 linear layer: the product, and the parameters that convert its sums to f32.
final class Linear {
    let inputs: Int
    let outputs: Int
    private let backend: Backend
    /// Offsets, scales and biases of the output channels in one allocation, so that their addresses are stable.
    private let offsets: UnsafeMutablePointer<Int32>
    private let scales: UnsafeMutablePointer<Float>

    private enum Backend {
        case oneDNN(PackedWeights)
        case kernels(UnsafeMutablePointer<Int8>)
    }

    /// Returns the row count of the next product when `left` rows remain. oneDNN compiles a product for one row count,
    /// which takes about 35 kB. So all row counts are composed from seven, and the last product has at most three rows
    /// that are computed for nothing.
    static func block(_ left: Int) -> Int {
        switch left {
        case ..<3: left
        case ..<5: 4
        case ..<16: 8
        case ..<32: 16
        case ..<64: 32
        default: widestBlock
        }
    }

    static let widestBlock = 64
    /// Buffer sizes are multiples of this, so that the additional rows of the last product stay within them.
    static let granularity = 8

    /// - Parameter library: `nil` if oneDNN's sums are not exact.
    init(
        _ tensors: inout TensorReader, _ name: String, inputs: Int, outputs: Int, library: OneDNN?
    ) throws(ArtifactError) {
        let weights = try tensors.int8("\(name).weight", [outputs, inputs])
        let scale = try tensors.scales("\(name).scale", count: outputs)
        let bias = try tensors.floats("\(name).bias", [outputs])
        (self.inputs, self.outputs) = (inputs, outputs)
        do throws(InferenceError) {
            backend = try Self.backend(weights, inputs: inputs, outputs: outputs, library: library)
        } catch {
            throw ArtifactError(.unsupported, tensors.path, "\(name): \(error.message)")
        }
        offsets = .allocate(capacity: outputs)
        scales = .allocate(capacity: 2 * outputs)
        for output in 0..<outputs {
            let row = weights[(output * inputs)..<((output + 1) * inputs)]
            offsets[output] = 128 * row.reduce(0) { $0 + Int32($1) }
            scales[output] = scale[output]
            scales[outputs + output] = bias[output]
        }
    }

    deinit {
        offsets.deallocate()
        scales.deallocate()
        if case .kernels(let weights) = backend { weights.deallocate() }
    }

    var dequant: winnow_dequant { winnow_dequant(offset: offsets, scale: scales, bias: scales + outputs) }

    /// Computes `sums[rows, outputs]` from the quantized `input[rows, inputs]`. It may read and write up to
    /// `granularity` rows.
    /// - Parameter library: shares the engine of the library that packed the weights.
    func run(
        _ rows: Int, _ input: UnsafeMutablePointer<UInt8>, _ sums: UnsafeMutablePointer<Int32>,
        _ kernels: winnow_kernels, _ library: OneDNN?
    ) throws(InferenceError) {
        switch backend {
        case .oneDNN(let weights):
            guard let library else { throw InferenceError(.compute, "weights packed for oneDNN, but no oneDNN") }
            var done = 0
            while done < rows {
                let shape = OneDNN.Shape(rows: Self.block(rows - done), inputs: inputs, outputs: outputs)
                try library.product(shape).run(weights, input + done * inputs, sums + done * outputs, library.stream)
                done += shape.rows
            }
        case .kernels(let weights):
            kernels.product(input, weights, Int32(rows), Int32(outputs), Int32(inputs), sums)
        }
    }

    private static func backend(
        _ weights: UnsafeBufferPointer<Int8>, inputs: Int, outputs: Int, library: OneDNN?
    ) throws(InferenceError) -> Backend {
        guard let library else {
            let packed = UnsafeMutablePointer<Int8>.allocate(
                capacity: winnow_packed_size(Int32(outputs), Int32(inputs)))
            winnow_pack(weights.baseAddress, Int32(outputs), Int32(inputs), packed)
            return .kernels(packed)
        }
        let any = try library.product(OneDNN.Shape(rows: 16, inputs: inputs, outputs: outputs))
        return .oneDNN(try PackedWeights(weights, any, library))
    }
}

/// `s32[rows, outputs] = u8[rows, inputs] x s8[inputs, outputs]`, compiled for one shape, with the weights in the
/// layout that oneDNN prefers.
final class Product {
    let shape: OneDNN.Shape
    private(set) var weightsLayout = dnnl_memory_desc_t()
    private var primitive: dnnl_primitive_t?
    private var source: dnnl_memory_t?
    private var sums: dnnl_memory_t?
    /// Source, weights and sums. They are kept so that a call allocates nothing.
    private let arguments: UnsafeMutablePointer<dnnl_exec_arg_t>

    init(_ shape: OneDNN.Shape, engine: dnnl_engine_t) throws(InferenceError) {
        self.shape = shape
        arguments = .allocate(capacity: 3)
        arguments.initialize(repeating: dnnl_exec_arg_t(), count: 3)
        let rows = dnnl_dim_t(shape.rows), inputs = dnnl_dim_t(shape.inputs), outputs = dnnl_dim_t(shape.outputs)
        var sourceLayout = try layout(rows, inputs, dnnl_u8, dnnl_ab)
        var sumsLayout = try layout(rows, outputs, dnnl_s32, dnnl_ab)
        var anyLayout = try layout(inputs, outputs, dnnl_s8, dnnl_format_tag_any)
        var operation = dnnl_matmul_desc_t(), description: dnnl_primitive_desc_t?
        try check(dnnl_matmul_desc_init(&operation, &sourceLayout, &anyLayout, nil, &sumsLayout), "product")
        try check(dnnl_primitive_desc_create(&description, &operation, nil, engine, nil), "product")
        defer { dnnl_primitive_desc_destroy(description) }
        try check(dnnl_primitive_create(&primitive, description), "product")
        guard let wanted = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0) else {
            throw InferenceError(.compute, "oneDNN gave no layout for the weights")
        }
        weightsLayout = wanted.pointee
        try check(dnnl_memory_create(&source, &sourceLayout, engine, nil), "source")
        try check(dnnl_memory_create(&sums, &sumsLayout, engine, nil), "sums")
    }

    deinit {
        dnnl_memory_destroy(source)
        dnnl_memory_destroy(sums)
        dnnl_primitive_destroy(primitive)
        arguments.deallocate()
    }

    func run(
        _ weights: PackedWeights, _ input: UnsafeMutablePointer<UInt8>, _ output: UnsafeMutablePointer<Int32>,
        _ stream: dnnl_stream_t
    ) throws(InferenceError) {
        try check(dnnl_memory_set_data_handle(source, input), "source")
        try check(dnnl_memory_set_data_handle(sums, output), "sums")
        arguments[0] = dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: source)
        arguments[1] = dnnl_exec_arg_t(arg: DNNL_ARG_WEIGHTS, memory: weights.memory)
        arguments[2] = dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: sums)
        try check(dnnl_primitive_execute(primitive, stream, 3, arguments), "product")
    }
}

func layout(
    _ rows: dnnl_dim_t, _ columns: dnnl_dim_t, _ type: dnnl_data_type_t, _ tag: dnnl_format_tag_t
) throws(InferenceError) -> dnnl_memory_desc_t {
    var extents = [dnnl_dim_t](repeating: 0, count: Int(DNNL_MAX_NDIMS))
    (extents[0], extents[1]) = (rows, columns)
    var layout = dnnl_memory_desc_t()
    try check(dnnl_memory_desc_init_by_tag(&layout, 2, extents, type, tag), "layout")
    return layout
}

/// A weight matrix in the layout that a product needs, reordered once at load.
final class PackedWeights {
    let memory: dnnl_memory_t
    private let bytes: UnsafeMutableRawPointer

    /// - Parameter weights: one row for each output channel, as in the artifact.
    init(_ weights: UnsafeBufferPointer<Int8>, _ product: Product, _ library: OneDNN) throws(InferenceError) {
        var packedLayout = product.weightsLayout
        var rowLayout = try layout(
            dnnl_dim_t(product.shape.inputs), dnnl_dim_t(product.shape.outputs), dnnl_s8, dnnl_ba)
        let size = dnnl_memory_desc_get_size(&packedLayout)
        bytes = .allocate(byteCount: size, alignment: 64)
        var memory: dnnl_memory_t?
        guard dnnl_memory_create(&memory, &packedLayout, library.engine, bytes) == dnnl_success, let memory else {
            bytes.deallocate()
            throw InferenceError(.compute, "oneDNN could not allocate memory for the weights")
        }
        self.memory = memory
        var rows: dnnl_memory_t?, description: dnnl_primitive_desc_t?, reorder: dnnl_primitive_t?
        // oneDNN only reads through the pointer.
        let source = UnsafeMutableRawPointer(mutating: weights.baseAddress)
        try check(dnnl_memory_create(&rows, &rowLayout, library.engine, source), "weights")
        defer { dnnl_memory_destroy(rows) }
        try check(
            dnnl_reorder_primitive_desc_create(
                &description, &rowLayout, library.engine, &packedLayout, library.engine, nil), "reorder")
        defer { dnnl_primitive_desc_destroy(description) }
        try check(dnnl_primitive_create(&reorder, description), "reorder")
        defer { dnnl_primitive_destroy(reorder) }
        let arguments = [
            dnnl_exec_arg_t(arg: DNNL_ARG_FROM, memory: rows), dnnl_exec_arg_t(arg: DNNL_ARG_TO, memory: memory),
        ]
        try check(dnnl_primitive_execute(reorder, library.stream, 2, arguments), "reorder")
        try check(dnnl_stream_wait(library.stream), "reorder")
    }

    deinit {
        dnnl_memory_destroy(memory)
        bytes.deallocate()
    }
}

/// oneDNN's engine and stream, and the compiled products. For use by one thread at a time.
///
/// A primitive is compiled for one shape, including the row count, which takes a third of a millisecond. It is kept as
/// long as the engine. A product of more rows is composed from a few row counts (`Linear.block`).
final class OneDNN {
    struct Shape: Hashable {
        let rows: Int
        let inputs: Int
        let outputs: Int
    }

    let engine: dnnl_engine_t
    let stream: dnnl_stream_t
    private var products: [Shape: Product] = [:]
    /// The owner of the engine; `nil` if this instance owns it.
    private let owner: OneDNN?

    init() throws(InferenceError) {
        winnow_single_thread()
        var engine: dnnl_engine_t?
        try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine")
        guard let engine else { throw InferenceError(.compute, "oneDNN gave no engine") }
        do throws(InferenceError) {
            stream = try Self.stream(engine)
        } catch {
            dnnl_engine_destroy(engine)
            throw error
        }
        (self.engine, owner) = (engine, nil)
    }

    /// Shares the engine with another thread, so that both read the same packed weights.
    init(sharing other: OneDNN) throws(InferenceError) {
        stream = try Self.stream(other.engine)
        (engine, owner) = (other.engine, other)
    }

    deinit {
        products.removeAll()
        dnnl_stream_destroy(stream)
        if owner == nil { dnnl_engine_destroy(engine) }
    }

    private static func stream(_ engine: dnnl_engine_t) throws(InferenceError) -> dnnl_stream_t {
        var stream: dnnl_stream_t?
        try check(dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue)), "stream")
        guard let stream else { throw InferenceError(.compute, "oneDNN gave no stream") }
        return stream
    }

    func product(_ shape: Shape) throws(InferenceError) -> Product {
        if let product = products[shape] { return product }
        let product = try Product(shape, engine: engine)
        products[shape] = product
        return product
    }

    /// Whether u8 x s8 sums are exact. Without VNNI, oneDNN multiplies with `vpmaddubsw`, which saturates at 16 bits.
    /// Computing a sum that would saturate is more reliable than a list of processors.
    static let isExact: Bool = {
        guard let library = try? OneDNN() else { return false }
        let shape = Shape(rows: 1, inputs: 64, outputs: 16)
        let weights = [Int8](repeating: 127, count: 64 * 16)
        guard let product = try? library.product(shape),
            let packed = weights.withUnsafeBufferPointer({ try? PackedWeights($0, product, library) })
        else { return false }
        var source = [UInt8](repeating: 255, count: 64)
        var sums = [Int32](repeating: 0, count: 16)
        source.withUnsafeMutableBufferPointer { source in
            sums.withUnsafeMutableBufferPointer { sums in
                guard let input = source.baseAddress, let output = sums.baseAddress else { return }
                try? product.run(packed, input, output, library.stream)
            }
        }
        return sums.allSatisfy { $0 == 64 * 255 * 127 }
    }()
}

func check(_ status: dnnl_status_t, _ what: StaticString) throws(InferenceError) {
    guard status == dnnl_success else {
        throw InferenceError(.compute, "oneDNN refused the \(what): status \(status.rawValue)")
    }
}
