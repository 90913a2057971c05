/* elect._handle.Handle: is_leader as a property that costs one call of C, where one through CFFI costs two and an attribute.
 * It knows nothing of libelect but the address of elect_election_is_leader, which lives in elect._elect. */
#define Py_LIMITED_API 0x03090000
#include <Python.h>
#include <stdint.h>

typedef int32_t (*is_leader_function)(const void *election);

struct handle {
    PyObject_HEAD is_leader_function is_leader;
    const void *election;
    PyObject *owner;   /* of that election's memory */
    PyObject *missing; /* called instead while there is no election, as after a fork; None: False */
};

static PyObject *get_is_leader(PyObject *self, void *closure)
{
    struct handle *handle = (struct handle *)self;
    (void)closure;
    if (handle->election)
        return PyBool_FromLong(handle->is_leader(handle->election));
    if (handle->missing && handle->missing != Py_None) {
        PyObject *result = PyObject_CallObject(handle->missing, NULL);
        if (!result)
            return NULL;
        Py_DECREF(result);
    }
    return PyBool_FromLong(0);
}

static PyObject *bind(PyObject *self, PyObject *arguments)
{
    struct handle *handle = (struct handle *)self;
    unsigned long long is_leader, election;
    PyObject *owner, *old = handle->owner;
    if (!PyArg_ParseTuple(arguments, "KKO", &is_leader, &election, &owner))
        return NULL;
    Py_INCREF(owner);
    handle->owner = owner;
    handle->is_leader = (is_leader_function)(uintptr_t)is_leader;
    handle->election = (const void *)(uintptr_t)election;
    Py_XDECREF(old);
    Py_RETURN_NONE;
}

static PyObject *unbind(PyObject *self, PyObject *missing)
{
    struct handle *handle = (struct handle *)self;
    PyObject *old = handle->missing;
    Py_INCREF(missing);
    handle->missing = missing;
    handle->election = NULL;
    Py_XDECREF(old);
    Py_RETURN_NONE;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct handle *)self)->owner);
    Py_VISIT(((struct handle *)self)->missing);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static int clear(PyObject *self)
{
    struct handle *handle = (struct handle *)self;
    handle->election = NULL;
    Py_CLEAR(handle->owner);
    Py_CLEAR(handle->missing);
    return 0;
}

static void dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    clear(self);
    freefunc free_object = (freefunc)PyType_GetSlot(type, Py_tp_free);
    free_object(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"_bind", bind, METH_VARARGS,
     "The addresses of elect_election_is_leader and of the election, and who owns its memory."},
    {"_unbind", unbind, METH_O, "No election any more; a callable to be called by is_leader, or None."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"is_leader", get_is_leader, NULL,
     "Whether new work may be started: True only while the lease is proven to last. It asks a clock, no store.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc}, {Py_tp_traverse, traverse}, {Py_tp_clear, clear},
    {Py_tp_methods, methods}, {Py_tp_getset, properties}, {0, NULL},
};

static PyType_Spec spec = {
    .name = "elect._handle.Handle",
    .basicsize = sizeof(struct handle),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static int execute(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    if (!type)
        return -1;
    if (PyModule_AddObject(module, "Handle", type) == 0)
        return 0;
    Py_DECREF(type);
    return -1;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, execute}, {0, NULL}};

static PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "elect._handle",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__handle(void);
PyMODINIT_FUNC PyInit__handle(void)
{
    return PyModuleDef_Init(&module);
}
