// There is nothing to call. See PatientWait.c.
#ifndef WINNOW_CPATIENTWAIT_H
#define WINNOW_CPATIENTWAIT_H
#endif
