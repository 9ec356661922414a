import COneDNN

/// A weight matrix in the layout that a product asked for, reordered once at load.
final class PackedWeights {
    let memory: dnnl_memory_t
    private let bytes: UnsafeMutableRawPointer

    /// - Parameter weights: one row an output channel, as artifacts hold them.
    init(_ weights: UnsafeBufferPointer<Int8>, _ product: Product, _ library: OneDNN) throws(InferenceError) {
        var packedLayout = product.weightsLayout
        var rowLayout = try layout(
            dnnl_dim_t(product.shape.inputs), dnnl_dim_t(product.shape.outputs), dnnl_s8, dnnl_ba)
        let size = dnnl_memory_desc_get_size(&packedLayout)
        bytes = .allocate(byteCount: size, alignment: 64)
        var memory: dnnl_memory_t?
        guard dnnl_memory_create(&memory, &packedLayout, library.engine, bytes) == dnnl_success, let memory else {
            bytes.deallocate()
            throw InferenceError(.compute, "oneDNN refused memory for the weights")
        }
        self.memory = memory
        var rows: dnnl_memory_t?, description: dnnl_primitive_desc_t?, reorder: dnnl_primitive_t?
        // oneDNN reads through the pointer only
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
